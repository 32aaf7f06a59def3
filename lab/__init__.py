"""The instruments of WSGI Lab: the stack, the command that runs it, the measurements."""
