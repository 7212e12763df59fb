"""Certificates of receivers: right, for another name, and too old. Each has a CA of its own."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from tests.support.chains import key

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certified:
    """A server's certificate.

    Attributes:
        pem: The certificate. It is its own CA.
        key_pem: Its private key.
    """

    pem: str
    key_pem: str

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both into files."""
        certificate, private = folder / "server.pem", folder / "server.key"
        certificate.write_text(self.pem)
        private.touch(0o600)
        private.write_text(self.key_pem)
        return certificate, private

    def context(self, folder: Path) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.write(folder))
        return context


@cache
def certified(name: str = "localhost", days: int = 30) -> Certified:
    """A certificate for a name and 127.0.0.1, or for the name alone if it is another one.

    Args:
        name: The name.
        days: How long it is valid from now on. It may have ended.
    """
    private, now = key(), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    return Certified(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
