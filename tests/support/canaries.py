"""Secrets as they could be written: what must be found nowhere."""

import base64
import re

_PEM_LINE = re.compile(r"^[A-Za-z0-9+/=]{40,}$", re.MULTILINE)


def forms_of(secret: bytes) -> set[str]:
    """A secret as it could be written."""
    return {
        secret.hex(),
        secret.hex().upper(),
        base64.b64encode(secret).decode(),
        base64.urlsafe_b64encode(secret).decode(),
    }


def lines_of(pem: str) -> set[str]:
    """The lines of a private key. One of them is enough to know it by."""
    body = pem.partition("PRIVATE KEY-----")[2].partition("-----END")[0]
    return set(_PEM_LINE.findall(body))
