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
    |       `-- ReleaseExists        release.exists
    |-- Refused              the answer is no                       exit status 1
    |   `-- TooEarly             sign_in.wait
    |-- Stopped              by the person who ran the command      exit status 130
    `-- NotPossible          file, network or database in the way   exit status 3
        |-- FileNotUsable        file.not_usable
        |-- UpstreamAway         upstream.away
        |   `-- UpstreamSilent       upstream.silent
        |-- StoreNotUsable       store.not_usable
        |-- StoreVersionMismatch store.version
        |-- SealBroken           seal.broken
        |-- PortNotUsable        port.not_usable
        `-- NotInstalled         not_installed

Each error says what happened, to which named thing, and what to do next. Neither sentence ever holds a secret.
Only the command line prints errors. It prints both sentences.

A sentence may quote what others wrote, such as the name of a file. So control characters are escaped here, once for
all errors, and the user information of a URL is hidden.
"""

from collections.abc import Iterable
from typing import ClassVar

from engage_server.shown_text import shown_text, without_controls


class EngageError(Exception):
    """The root of all errors. Never raised itself.

    Args:
        sentence: What happened, to which certificate, device, file or setting.
        next_step: What the reader should do now. Empty if there is nothing to add.
        code: Which case it is, where one class covers several. "" means the class's own code.
        rows: Lines that follow the sentence, such as one for each finding. A line end in the sentence is escaped.
        other_site: A site that the sentence names and that the caller did not. "" for none. Who may not see that site
            gets another sentence.

    Attributes:
        sentence: The sentence and its rows, as they can be printed.
        code: Stable, ``thing.what``: for scripts, and for code that handles one error and not another.
    """

    default_code: ClassVar[str] = "engage"
    exit_status: ClassVar[int] = 3

    def __init__(
        self, sentence: str, next_step: str = "", *, code: str = "", rows: Iterable[str] = (), other_site: str = ""
    ) -> None:
        self.sentence = "\n".join(map(shown_text, (sentence, *rows)))
        super().__init__(self.sentence)
        self.next_step = without_controls(next_step)
        self.code = code or self.default_code
        self.other_site = other_site


class UsageError(EngageError):
    """The input or a setting is wrong. Trying again unchanged cannot help."""

    default_code = "usage"
    exit_status = 2


class SettingsInvalid(UsageError):
    """A setting is unknown, cannot be read, or has a value that cannot be used."""

    default_code = "settings.invalid"


class HostInvalid(UsageError):
    """A text is neither a DNS name nor an IP address that devices could call."""

    default_code = "host.invalid"


class SiteKeyInvalid(UsageError):
    """A site key has the wrong length or alphabet, or is a published sample. The key itself is never repeated."""

    default_code = "site_key.invalid"


class CertificateInvalid(UsageError):
    """Bytes that should hold a certificate do not hold one."""

    default_code = "certificate.invalid"


class ContentNotUsable(CertificateInvalid):
    """A file can be read, but its content is something else, cut off or locked. The code says which."""

    default_code = "content.no_certificate"
    exit_status = 3  # as for a file that cannot be read: nothing was checked


class PrivateKeyInvalid(UsageError):
    """Bytes that should hold a private key do not hold one, or the passphrase does not open it."""

    default_code = "private_key.invalid"


class ChainTooLong(UsageError):
    """A chain would not fit into a device. The sentence lists what all its bytes are used for."""

    default_code = "chain.too_long"


class BodyInvalid(UsageError):
    """A body that a device sent, or a file that is to be sent to one, is not JSON or would harm a device."""

    default_code = "body.invalid"


class NotFound(UsageError):
    """The site, release or device that was named does not exist."""

    default_code = "not_found"


class Conflict(UsageError):
    """The request contradicts what exists already. Nothing was changed."""

    default_code = "conflict"


class ReleaseExists(Conflict):
    """A chain is already a release of its site.

    Attributes:
        release: The number of that release.
    """

    default_code = "release.exists"

    def __init__(self, sentence: str, next_step: str, release: int) -> None:
        super().__init__(sentence, next_step)
        self.release = release


class Refused(EngageError):
    """The work was done and the answer is no, for example because a check found an error."""

    default_code = "refused"
    exit_status = 1


class TooEarly(Refused):
    """Signing in failed so often that the next attempt must wait.

    Args:
        sentence: As for every error.
        next_step: As for every error.
        retry_seconds: How long to wait.
    """

    default_code = "sign_in.wait"

    def __init__(self, sentence: str, next_step: str = "", *, retry_seconds: int) -> None:
        super().__init__(sentence, next_step)
        self.retry_seconds = retry_seconds


class Stopped(EngageError):
    """The person who ran the command stopped it, or answered its question with no."""

    default_code = "stopped"
    exit_status = 130


class NotPossible(EngageError):
    """A file, the network or the database prevented it. Trying again may help."""

    default_code = "not_possible"
    exit_status = 3


class FileNotUsable(NotPossible):
    """A file or folder cannot be read or written."""

    default_code = "file.not_usable"


class UpstreamAway(NotPossible):
    """A partner's own system does not answer, or its answer cannot be given to a device.

    Args:
        sentence: As for every error.
        next_step: As for every error.
        code: As for every error.
        retry_seconds: When to retry, if the system said so; else None.
    """

    default_code = "upstream.away"

    def __init__(self, sentence: str, next_step: str = "", *, code: str = "", retry_seconds: int | None = None) -> None:
        super().__init__(sentence, next_step, code=code)
        self.retry_seconds = retry_seconds


class UpstreamSilent(UpstreamAway):
    """A partner's own system gave no complete answer: no connection, an unfinished answer, or none in time."""

    default_code = "upstream.silent"


class StoreNotUsable(NotPossible):
    """The database does not answer, or answers with an error."""

    default_code = "store.not_usable"


class StoreVersionMismatch(NotPossible):
    """The database was made by another version of this package."""

    default_code = "store.version"


class SealBroken(NotPossible):
    """A sealed secret cannot be opened: the key-encryption key is another one, or the bytes have changed."""

    default_code = "seal.broken"


class PortNotUsable(NotPossible):
    """A port cannot be listened on."""

    default_code = "port.not_usable"


class NotInstalled(NotPossible):
    """A command needs a package or a system that this installation does not have."""

    default_code = "not_installed"
