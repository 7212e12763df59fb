"""A stage for the page of Telekom's certificates: an empty folder, and a Telekom that answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.links.telekom.exchange.sheet import THEIRS
from tests.support.chains import key
from tests.support.telekom_sets import URLS, Authority, authority, common_name
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.playing import Ended
from tests.support.transcripts.shell import Shell
from tests.support.transcripts.surroundings import folder_as_wide

_LIFETIME = timedelta(days=1095)


class TelekomFolder:
    """A folder in which requests are made, and in which Telekom's answers are put."""

    times_vary = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shell = Shell(folder)
        self._authority = authority("Telekom Partner CA", 8)

    def run(self, command: str) -> Ended:
        """Run a command."""
        return self._shell.run(command)

    def happen(self, what: str) -> None:
        """Telekom issues certificates, or sends its half of the sheet."""
        telekom = self._folder / "telekom"
        if what == "Telekom issues the certificates":
            for request in sorted(telekom.rglob("*.csr")):
                if not request.with_suffix(".pem").exists():
                    request.with_suffix(".pem").write_bytes(_issued(request.read_bytes(), self._authority))
            (telekom / "telekom-ca.pem").write_bytes(self._authority.certificate.public_bytes(Encoding.PEM))
        elif what == "Telekom sends its half":
            for number, sign in enumerate(THEIRS):
                (telekom / f"{sign}_telekom.pem").write_bytes(_theirs(number, self._authority))
            for sign in "EFGH":
                (telekom / f"{sign}_telekom.url").write_text(f"{URLS[sign]}\n")
            for sign in "9JK":
                (telekom / f"{sign}_telekom.secret").touch(mode=0o600)
                (telekom / f"{sign}_telekom.secret").write_text("a secret\n")
        else:
            raise PageInvalid(f"nothing of the kind can happen on this stage: {what}")


def _issued(request: bytes, issuer: Authority) -> bytes:
    asked = x509.load_pem_x509_csr(request)
    public = asked.public_key()
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _LIFETIME)
    )
    for each in asked.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _theirs(number: int, issuer: Authority) -> bytes:
    request = x509.CertificateSigningRequestBuilder().subject_name(common_name("b2b.example.net"))
    names = x509.SubjectAlternativeName([x509.DNSName("b2b.example.net")])
    asked = request.add_extension(names, False).sign(key(40 + number), hashes.SHA256())
    return _issued(asked.public_bytes(Encoding.PEM), issuer)


@contextmanager
def telekom_folder() -> Iterator[TelekomFolder]:
    """Such a stage."""
    with folder_as_wide() as folder:
        yield TelekomFolder(folder)
