"""A right client beside hostile ones: what it trusts, and when it has waited too long."""

import ssl
from pathlib import Path

FAR_TOO_LONG = 5.0  # seconds; the figures stand in docs/performance.md, this finds a server that hangs


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "certs" / "main" / "partner_CA.pem"))
