"""What a device remembers from one night to the next."""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field, replace
from datetime import datetime

from engage_server.errors import CertificateInvalid, UsageError
from engage_server.pki.encodings import read_der
from engage_server.protocol.notice import digest_of

FORMAT = "engage-server/virtual-lock/1"
NEVER = "0"  # the database version of a device without a database


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """The state of one device between two calls.

    Attributes:
        anchor_der: The trust anchor; None before the first download and after a factory reset.
        anchor_since: When the anchor was installed, timezone-aware.
        database_version: ``nxtDbVerTS`` of the last database, as received; ``0`` if there is none.
        calls: How often it called its host by TLS and got an answer.
        failures: How many nights in a row its call failed.
    """

    anchor_der: bytes | None = field(default=None, repr=False)
    anchor_since: datetime | None = None
    database_version: str = NEVER
    calls: int = 0
    failures: int = 0

    @property
    def anchor_digest(self) -> str:
        """The digest of the anchor, as in its URL; "" without an anchor."""
        return digest_of(self.anchor_der) if self.anchor_der else ""

    def with_anchor(self, der: bytes, now: datetime) -> "DeviceMemory":
        """The state with this anchor instead of the old one. Installing the same anchor again changes nothing."""
        return self if der == self.anchor_der else replace(self, anchor_der=der, anchor_since=now)

    def answered(self) -> "DeviceMemory":
        """The state after a successful call."""
        return replace(self, calls=self.calls + 1, failures=0)

    def failed(self) -> "DeviceMemory":
        """The state after a night without a successful call."""
        return replace(self, failures=self.failures + 1)


def write_memory(memory: DeviceMemory) -> bytes:
    """Write a state file. It contains no secret."""
    value = {
        "format": FORMAT,
        "anchor": b64encode(memory.anchor_der).decode() if memory.anchor_der else None,
        "anchor_since": memory.anchor_since.isoformat() if memory.anchor_since else None,
        "database_version": memory.database_version,
        "calls": memory.calls,
        "failures": memory.failures,
    }
    return json.dumps(value, indent=2).encode() + b"\n"


def read_memory(content: bytes, *, source: str) -> DeviceMemory:
    """Read a state file.

    Raises:
        UsageError: It is not a state file of a virtual lock.
    """
    try:
        value = json.loads(content)
        since = value["anchor_since"]
        anchor = b64decode(value["anchor"], validate=True) if value["anchor"] is not None else None
        if anchor is not None:
            read_der(anchor, source=source)
        found = DeviceMemory(
            anchor,
            datetime.fromisoformat(since) if since is not None else None,
            str(value["database_version"]),
            int(value["calls"]),
            int(value["failures"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, Base64Error, CertificateInvalid):
        found = None
    if found is None or value.get("format") != FORMAT:
        raise UsageError(
            f"{source} is not a state file of a virtual lock", "Name another file, or delete it to start over."
        )
    return found
