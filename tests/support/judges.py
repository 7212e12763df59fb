"""Four validators that others wrote, each asked the same question.

The question: does ``server`` lead to ``root``, for a TLS server at the tests' time, if ``others`` lie beside it? What
is special about ENGAGE devices (sizes, bytes, how a server sends) is no business of theirs.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError
from OpenSSL import crypto

from engage_server.pki import encodings
from engage_server.pki.extensions import extension
from tests.support.chains import NOW


@dataclass(frozen=True)
class Question:
    """What a judge is asked.

    Attributes:
        server: The server certificate.
        root: The one certificate that is trusted.
        others: What else may be used on the way, in any order.
    """

    server: x509.Certificate
    root: x509.Certificate
    others: tuple[x509.Certificate, ...]


Judge = Callable[[Question, Path], bool]


def openssl_program(asked: Question, folder: Path) -> bool:
    """``openssl verify``, with the purpose of a TLS server."""
    _write(asked, folder)
    command = [
        *("openssl", "verify", "-auth_level", "0", "-purpose", "sslserver", "-no-CApath", "-no-CAstore"),
        *("-attime", str(int(NOW.timestamp())), "-CAfile", "root.pem"),
        *(["-untrusted", "others.pem"] if asked.others else []),
        "server.pem",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def pyopenssl_store(asked: Question, _folder: Path) -> bool:
    """pyOpenSSL's store: OpenSSL without a purpose, so extended key usage is not looked at."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(asked.root))
    store.set_time(NOW)
    others = [crypto.X509.from_cryptography(each) for each in asked.others]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(asked.server), others)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def cryptography_verifier(asked: Question, _folder: Path) -> bool:
    """cryptography's path validation, with RFC 5280 alone: its default is the rules of browsers."""
    names = names_to_ask_for(asked.server)
    if not names:
        return False
    everything = ExtensionPolicy.permit_all()
    ca_policy = everything.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    ee_policy = everything.require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    verifier = (
        PolicyBuilder()
        .store(Store([asked.root]))
        .time(NOW)
        .extension_policies(ca_policy=ca_policy, ee_policy=ee_policy)
        .build_server_verifier(names[0])
    )
    try:
        verifier.verify(asked.server, list(asked.others))
    except VerificationError:
        return False
    return True


def certtool(asked: Question, folder: Path) -> bool:
    """GnuTLS' ``certtool``. It cannot be told a time; the tests' time is this hour. Wants the path in order."""
    _write(asked, folder)
    chain = encodings.pem([asked.server, *asked.others])
    (folder / "chain.pem").write_bytes(chain)
    command = ["certtool", "--verify", "--load-ca-certificate", "root.pem", "--infile", "chain.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def names_to_ask_for(server: x509.Certificate) -> list[x509.verification.Subject]:
    """Names that the SAN should hold good for."""
    found: list[x509.verification.Subject] = []
    for name in extension(server, x509.SubjectAlternativeName) or ():
        if isinstance(name, x509.DNSName):
            found.append(x509.DNSName(name.value.replace("*", "any")))
        elif isinstance(name, x509.IPAddress):
            found.append(name)
    return found


def _write(asked: Question, folder: Path) -> None:
    (folder / "server.pem").write_bytes(encodings.pem([asked.server]))
    (folder / "root.pem").write_bytes(encodings.pem([asked.root]))
    (folder / "others.pem").write_bytes(encodings.pem(asked.others))


JUDGES: dict[str, Judge] = {
    "openssl": openssl_program,
    "pyopenssl": pyopenssl_store,
    "cryptography": cryptography_verifier,
}
if shutil.which("certtool"):
    JUDGES["certtool"] = certtool
