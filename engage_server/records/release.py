"""A release: everything that one site serves, as one unit."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engage_server.records.host import Host


class ReleaseState(StrEnum):
    """The state of a release. Exactly one release of a site that serves anything is ``CURRENT``.

    A ``RETIRED`` one is no longer served. A rollback to it is possible as long as its private key exists.
    """

    STAGED = "staged"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Release:
    """Trust anchor, its hash and the TLS chain. The private key is stored separately, sealed.

    Attributes:
        site: The site's name.
        number: 1, 2, 3 ... within the site.
        state: Only this, and its two times, ever change.
        anchor_der: The certificate that devices download.
        anchor_hash: Base64 HMAC-SHA1 of ``anchor_der`` under the site's key, made at staging.
        chain: DER, the server certificate first, then its intermediates: what the TLS server sends.
        root_der: The root that the chain leads to. It is not sent, but counts in a device's 4096 bytes.
        staged_at, activated_at, retired_at: Aware, UTC.
        key_destroyed_at: Since when there is no private key any more, and no rollback is possible. Aware, UTC.
        public_key: The public half of its private key (SubjectPublicKeyInfo, DER), stored so that a question about it
            opens no private key. None if an earlier version staged it, and its key could not be opened since.
        hosts: The hosts that the site's devices called when it was staged, so those that it was made for. Empty if an
            earlier version staged it.
    """

    site: str
    number: int
    state: ReleaseState
    anchor_der: bytes = field(repr=False)
    anchor_hash: str
    chain: tuple[bytes, ...] = field(repr=False)
    root_der: bytes = field(repr=False)
    staged_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None
    key_destroyed_at: datetime | None = None
    public_key: bytes | None = field(default=None, repr=False)
    hosts: tuple[Host, ...] = ()
