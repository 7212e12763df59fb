"""Everything that this package raises on purpose.

    EngageError
    |-- UsageError           wrong input or settings                exit status 2
    |   |-- SettingsInvalid      settings.invalid
    |   |-- HostInvalid          host.invalid
    |   |-- SiteKeyInvalid       site_key.invalid
    |   |-- CertificateInvalid   certificate.invalid
    |   |   `-- ContentNotUsable     content.no_certificate       exit status 3
    |   |-- PrivateKeyInvalid    private_key.invalid
    |   |-- ChainTooLong         chain.too_long
    |   |-- BodyInvalid          body.invalid
    |   |-- NotFound             <thing>.not_found
    |   `-- Conflict             <thing>.<state>
    |-- Refused              the answer is no                       exit status 1
    `-- NotPossible          file, network or database in the way   exit status 3
        |-- FileNotUsable        file.not_usable
        |-- UpstreamAway         upstream.away
        |   `-- UpstreamSilent       upstream.silent
        |-- StoreNotUsable       store.not_usable
        |-- StoreVersionMismatch store.version
        |-- SealBroken           seal.broken
        |-- PortNotUsable        port.not_usable
        `-- NotInstalled         not_installed

Each error says what happened and to which thing, and what to do next. Neither sentence ever holds a secret.
The command line prints both; nothing else in the package prints errors.
"""

from typing import ClassVar


class EngageError(Exception):
    """The root. Never raised itself.

    Args:
        sentence: What happened, to which certificate, device, file or setting.
        next_step: What the reader should do now. Empty when there is nothing to add.
        code: Where one class covers several things: which of them; "" for the class's own.

    Attributes:
        code: Stable, ``thing.what``: for scripts, and for whoever handles one error and not another.
    """

    default_code: ClassVar[str] = "engage"
    exit_status: ClassVar[int] = 3

    def __init__(self, sentence: str, next_step: str = "", *, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next_step = next_step
        self.code = code or self.default_code


class UsageError(EngageError):
    """The input or a setting is wrong; trying again unchanged cannot help."""

    default_code = "usage"
    exit_status = 2


class SettingsInvalid(UsageError):
    """A setting is unknown, unreadable or has a value that cannot be used."""

    default_code = "settings.invalid"


class HostInvalid(UsageError):
    """A text is neither a DNS name nor an IP address that devices could call."""

    default_code = "host.invalid"


class SiteKeyInvalid(UsageError):
    """A site key has the wrong length or alphabet, or is a published sample. The text is never repeated."""

    default_code = "site_key.invalid"


class CertificateInvalid(UsageError):
    """Bytes that should hold a certificate do not."""

    default_code = "certificate.invalid"


class ContentNotUsable(CertificateInvalid):
    """A file can be read, but not what is in it: it holds something else, is cut off or locked. The code says which."""

    default_code = "content.no_certificate"
    exit_status = 3  # as for a file that cannot be read: nothing was judged


class PrivateKeyInvalid(UsageError):
    """Bytes that should hold a private key do not, or the passphrase does not open it."""

    default_code = "private_key.invalid"


class ChainTooLong(UsageError):
    """A chain would not fit into a device. The sentence carries the whole account of the bytes."""

    default_code = "chain.too_long"


class BodyInvalid(UsageError):
    """What a device sent, or a file that is to be sent to one, is no JSON or would hurt a device."""

    default_code = "body.invalid"


class NotFound(UsageError):
    """A site, release or device that was named does not exist."""

    default_code = "not_found"


class Conflict(UsageError):
    """What was asked for contradicts what is there already; nothing was changed."""

    default_code = "conflict"


class Refused(EngageError):
    """The work was done and the answer is no, as when a check finds an error."""

    default_code = "refused"
    exit_status = 1


class NotPossible(EngageError):
    """A file, the network or the database stood in the way; trying again may help."""

    default_code = "not_possible"
    exit_status = 3


class FileNotUsable(NotPossible):
    """A file or folder cannot be read or written."""

    default_code = "file.not_usable"


class UpstreamAway(NotPossible):
    """A partner's own system does not answer, or answers what no device could be given.

    Args:
        sentence: As for every error.
        next_step: The same.
        code: The same.
        retry_seconds: When the system said to come again; None where it said nothing.
    """

    default_code = "upstream.away"

    def __init__(self, sentence: str, next_step: str = "", *, code: str = "", retry_seconds: int | None = None) -> None:
        super().__init__(sentence, next_step, code=code)
        self.retry_seconds = retry_seconds


class UpstreamSilent(UpstreamAway):
    """A partner's own system gave no answer at all: no connection, no end of its answer, or not in time."""

    default_code = "upstream.silent"


class StoreNotUsable(NotPossible):
    """The database does not answer, or answers with an error."""

    default_code = "store.not_usable"


class StoreVersionMismatch(NotPossible):
    """The database was made by another version of this package."""

    default_code = "store.version"


class SealBroken(NotPossible):
    """A sealed secret cannot be opened: another key-encryption key, or changed bytes."""

    default_code = "seal.broken"


class PortNotUsable(NotPossible):
    """A port cannot be listened on."""

    default_code = "port.not_usable"


class NotInstalled(NotPossible):
    """A command needs a package, or a system, that this installation has not."""

    default_code = "not_installed"
