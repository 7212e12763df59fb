"""Call-ins as the web hands them on."""

from typing import Any

from engage_server.protocol.caller_serial import caller_claims
from engage_server.services.call_in.call import Call, CallKind


def call_in(
    kind: CallKind = CallKind.AUDIT, body: bytes = b"[]", *, query: str = "", authorization: str = "", **other: Any
) -> Call:
    """A call by TLS from an address that is no known device's; ``other`` are attributes of :class:`Call`."""
    usual: dict[str, Any] = {
        "method": "GET" if kind is CallKind.DATABASE else "POST",
        "target": "/swordfish/lock/audit",
        "since": "",
        "content_type": "",
        "host": "",
        "address": "192.0.2.1",
        "local": "",
        "secure": True,
        "said_before": None,
    }
    claims = caller_claims(query, authorization)
    return Call(kind=kind, body=body, claims=claims, authorization=authorization, **{**usual, **other})
