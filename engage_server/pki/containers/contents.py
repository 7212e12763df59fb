"""The contents of a file with certificates or keys."""

from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from engage_server.errors import EngageError


class Oddity(StrEnum):
    """A form of a file that we read but other programs do not. The value is the finding code."""

    UTF16 = "content.utf16"
    LINES = "content.pem_lines"  # a BEGIN or END marker shares its line, or a block contains an empty line


class MustBeOpened(EngageError):
    """There is a key or a container, and it may not be opened here."""

    default_code = "content.not_opened"


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether and how keys and containers are opened.

    To open one can take hours. It takes as many rounds as it says itself, and the numbers of a key are validated.

    Attributes:
        secret: The passphrase, if there is one.
        is_allowed: Whether they may be opened here.
    """

    secret: bytes | None = field(default=None, repr=False)
    is_allowed: bool = True

    def assert_allowed(self) -> None:
        """Call it before anything is opened.

        Raises:
            MustBeOpened: It may not be opened here.
        """
        if not self.is_allowed:
            raise MustBeOpened("it holds a key or a container, which is not opened here", "Open it elsewhere.")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The contents of one or more files.

    Attributes:
        certificates: The certificates, in the order of the file.
        keys: The private keys that could be opened.
        locked_keys: How many keys are encrypted and were not opened: the passphrase is missing or wrong.
        broken_keys: How many keys cannot be read at all.
        oddities: The forms that other programs cannot read.
        in_order: Whether a server would send the certificates in this order. The order in PKCS#7 and PKCS#12 means
            nothing.
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
        """Whether it contains a private key, opened or not."""
        return bool(self.keys or self.locked_keys or self.broken_keys)
