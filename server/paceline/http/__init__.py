"""What the bytes mean: HTTP/1.1 by RFC 9110 and RFC 9112.

Rule 1: nothing in here knows a socket, a thread, a clock or a log.  Bytes come in,
meaning or a RequestError comes out, and the other way round.  So each part can be tested
with plain values, whole, byte by byte, and with more bytes behind it.
"""
