"""What is not known about devices' firmware: questions with their possible answers, so that all can be tried."""

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import Enum
from itertools import product

LATE = timedelta(days=-3)  # a clock that stopped while its battery was flat


class TlsVersion(Enum):
    """A TLS version, by its number on the wire."""

    TLS_1_0 = 0x0301
    TLS_1_1 = 0x0302
    TLS_1_2 = 0x0303
    TLS_1_3 = 0x0304

    @property
    def label(self) -> str:
        """The version number, such as ``1.2``."""
        return f"1.{self.value - 0x0301}"


@dataclass(frozen=True, slots=True)
class Firmware:
    """The behaviour of one device's firmware where the vendor's pages do not define it.

    Attributes:
        accepts_partial_chain: Whether an anchor that is not a root can end the path.
        counts_pem: Whether the size limit of a chain applies to PEM instead of DER.
        reads_common_name: Whether the common name counts if there is no subject alternative name.
        sends_server_name: Whether the ClientHello names the host (RFC 6066 section 3). Addresses are never sent.
        sends_query: Whether the request for the notice has serial number, hash type and version.
        checks_dates: Whether notBefore and notAfter are checked.
        clock_error: How wrong the device's clock is; negative if it is behind.
        newest_tls: The newest TLS version that it supports.
        oldest_tls: The oldest TLS version that it accepts.
        ciphers: OpenSSL's cipher string for TLS up to 1.2; "" for OpenSSL's default.
    """

    accepts_partial_chain: bool = False
    counts_pem: bool = False
    reads_common_name: bool = False
    sends_server_name: bool = True
    sends_query: bool = True
    checks_dates: bool = True
    clock_error: timedelta = timedelta(0)
    newest_tls: TlsVersion = TlsVersion.TLS_1_3
    oldest_tls: TlsVersion = TlsVersion.TLS_1_2
    ciphers: str = ""

    def described(self, other_than: "Firmware") -> str:
        """Describe how it differs from another firmware; "" if it does not.

        Args:
            other_than: The firmware to compare with.
        """
        differing = (f.name for f in fields(self) if getattr(self, f.name) != getattr(other_than, f.name))
        return ", ".join(_WORDS[name].get(getattr(self, name), name) for name in differing if name in _WORDS)


_WORDS: dict[str, dict[object, str]] = {
    "accepts_partial_chain": {True: "accept an anchor that is not a root", False: "need a root as anchor"},
    "counts_pem": {True: "measure the chain as PEM", False: "measure the chain as DER"},
    "reads_common_name": {True: "read the common name", False: "read only the SAN"},
    "sends_server_name": {True: "send a server name", False: "send no server name"},
    "sends_query": {True: "send their serial number", False: "send no query"},
    "checks_dates": {True: "check dates", False: "do not check dates"},
    "clock_error": {LATE: "have a clock that is three days behind", timedelta(0): "have a correct clock"},
    "newest_tls": {version: f"support at most TLS {version.label}" for version in TlsVersion},
    "oldest_tls": {version: f"need at least TLS {version.label}" for version in TlsVersion},
}

# the open questions, each with the answers worth trying; the first answer is the more likely one
QUESTIONS: dict[str, tuple[object, ...]] = {
    "accepts_partial_chain": (False, True),
    "counts_pem": (False, True),
    "reads_common_name": (False, True),
    "sends_server_name": (True, False),
    "sends_query": (True, False),
    "clock_error": (timedelta(0), LATE),
    "newest_tls": (TlsVersion.TLS_1_3, TlsVersion.TLS_1_2),
}


def all_kinds(base: Firmware) -> list[Firmware]:
    """Every combination of answers. All other fields stay as in ``base``."""
    return [replace(base, **dict(zip(QUESTIONS, answers, strict=True))) for answers in product(*QUESTIONS.values())]  # type: ignore[arg-type]  # the table holds each field's own type


def answer_in_words(question: str, answer: object) -> str:
    """Describe devices with this answer, such as ``measure the chain as PEM``."""
    return _WORDS[question][answer]
