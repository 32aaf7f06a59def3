"""Bytes as attributes of a span, masked: heads in full, bodies as far as they were kept."""

from typing import Any

from lab.tracing import names
from lab.tracing.mask import mask_body, mask_head
from lab.tracing.recording import CAPTURE, Attributes

TYPE = b"content-type"


def head_attributes(head: bytes, body: bytes, answer: bytes, environ: dict[str, Any]) -> Attributes:
    """What a server received and sent; nothing where LAB_TRACE_BYTES is off."""
    if not CAPTURE:
        return {}
    answer_head, _, answer_body = answer.partition(b"\r\n\r\n")
    found = {
        names.REQUEST_HEAD: mask_head(head),
        names.REQUEST_BODY: mask_body(body, environ.get("CONTENT_TYPE", "")),
        names.RESPONSE_HEAD: mask_head(answer_head),
        names.RESPONSE_BODY: mask_body(answer_body[:CAPTURE], content_type(answer_head)),
    }
    return {name: octets.decode("latin-1") for name, octets in found.items() if octets}


def content_type(head: bytes) -> str:
    """The value of a head's Content-Type; empty where it has none."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == TYPE:
            return value.strip().decode("latin-1")
    return ""
