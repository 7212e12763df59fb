"""What a container held."""

from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class Oddity(StrEnum):
    """How a file is written that we read, and others do not. The value is the code of the finding."""

    UTF16 = "content.utf16"
    LINES = "content.pem_lines"  # a BEGIN or END mark shares its line, or a block has an empty one


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one or several files hold.

    Attributes:
        certificates: In the order in which they stand there.
        keys: Private keys that could be opened.
        locked_keys: How many more are encrypted, and were not opened: by the passphrase, or for want of one.
        broken_keys: How many more cannot be read at all.
        oddities: What keeps other programs from reading it.
        in_order: Whether the order of the certificates says in which order a server would send them. In PKCS#7 and
            PKCS#12 it says nothing.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    keys: tuple[PrivateKeyTypes, ...] = field(default=(), repr=False)
    locked_keys: int = 0
    broken_keys: int = 0
    oddities: tuple[Oddity, ...] = ()
    in_order: bool = False

    def __add__(self, other: "Bundle") -> "Bundle":
        return Bundle(
            self.certificates + other.certificates,
            self.keys + other.keys,
            self.locked_keys + other.locked_keys,
            self.broken_keys + other.broken_keys,
            tuple(dict.fromkeys(self.oddities + other.oddities)),
        )

    @property
    def has_keys(self) -> bool:
        """Whether there is a private key in it, opened or not."""
        return bool(self.keys or self.locked_keys or self.broken_keys)
