"""What a channel needs: the part that may be shown, and the part that is sealed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engage_server.errors import UsageError
from engage_server.records import Secret
from engage_server.services.sites.upstream_address import trust_of

MOST_TRUST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """What a channel needs.

    Attributes:
        shown: What may be shown, as text.
        secret: The rest, for the sealer. None if there is nothing secret.
    """

    shown: Mapping[str, str]
    secret: Secret | None = None


def sealed(**fields: object) -> Secret:
    """Put secret fields together as one secret."""
    return Secret(json.dumps(fields).encode())


def opened(secret: Secret | None) -> Mapping[str, Any]:
    """Take them apart."""
    fields: Mapping[str, Any] = json.loads(secret.reveal()) if secret is not None else {}
    return fields


def read_trust(content: bytes) -> str:
    """Read certificates that a receiver's chain may lead to.

    Raises:
        UsageError: They are not certificates in PEM.
    """
    try:
        text = content.decode("ascii")
        trust_of(text)
    except (UnicodeDecodeError, UsageError):
        text = ""
    if not text.strip():
        raise UsageError(
            "the trusted certificates cannot be read", "Give one or more as PEM: --ca-file FILE.", code="alert.trust"
        )
    return text
