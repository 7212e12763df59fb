"""Five TLS clients that others wrote, each asked whether it takes what a server sends.

They are OpenSSL, GnuTLS, mbed TLS, wolfSSL and Go.

Unlike the judges of paths (tests/support/judges.py) they are asked for a host, and see the certificates in the order in
which they are sent. mbed TLS and wolfSSL look at the clock; the others are told the time.
"""

import atexit
import ctypes
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.pki import encodings
from engage_server.records import Host
from tests.support import mbedtls_client
from tests.support.keyless_server import takes

_GO_SOURCE = Path(__file__).with_name("go_judge") / "main.go"


@dataclass(frozen=True)
class Presented:
    """What a client meets.

    Attributes:
        sent: The server's certificates, in their order.
        root: The one certificate that the client trusts.
        host: Whom it calls.
        at: Its clock, as far as it can be told.
    """

    sent: tuple[x509.Certificate, ...]
    root: x509.Certificate
    host: Host
    at: datetime


TlsJudge = Callable[[Presented, Path], bool]


def openssl(asked: Presented, folder: Path) -> bool:
    """``openssl verify`` with the host, for a TLS server."""
    _write(asked, folder)
    named = "-verify_ip" if asked.host.is_address else "-verify_hostname"
    command = [
        *("openssl", "verify", "-purpose", "sslserver", "-no-CApath", "-no-CAstore", named, asked.host.text),
        *("-attime", str(int(asked.at.timestamp())), "-CAfile", "root.pem"),
        *(["-untrusted", "others.pem"] if len(asked.sent) > 1 else []),
        "server.pem",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def openssl_strict(asked: Presented, folder: Path) -> bool:
    """The same with X509_STRICT, as Python's ssl asks it from 3.13 on: for the notes, it has no vote."""
    _write(asked, folder)
    command = [
        *(
            "openssl",
            "verify",
            "-x509_strict",
            "-auth_level",
            "0",
            "-purpose",
            "sslserver",
            "-no-CApath",
            "-no-CAstore",
        ),
        *("-attime", str(int(asked.at.timestamp())), "-CAfile", "root.pem"),
        *(["-untrusted", "others.pem"] if len(asked.sent) > 1 else []),
        "server.pem",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


class _Datum(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char_p), ("size", ctypes.c_uint)]


class _TypedDatum(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("bytes", ctypes.c_char_p), ("size", ctypes.c_uint)]


_TELLS_TIME = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.POINTER(ctypes.c_long))
_DNS_HOSTNAME, _KEY_PURPOSE_OID, _IP_ADDRESS = 1, 2, 4  # GNUTLS_DT_...
_SERVER_AUTH = b"1.3.6.1.5.5.7.3.1\0"


def gnutls(asked: Presented, _folder: Path) -> bool:
    """GnuTLS' library as its sessions ask it: host and purpose, by the time that is given."""
    library = _library("libgnutls.so.30")
    assert library is not None
    tell = _TELLS_TIME(lambda _at: int(asked.at.timestamp()))
    library.gnutls_global_set_time_function(tell)
    imported = [_imported(library, certificate) for certificate in (*asked.sent, asked.root)]
    trusted = ctypes.c_void_p()
    library.gnutls_x509_trust_list_init(ctypes.byref(trusted), 0)
    try:
        if None in imported:
            return False
        *sent, root = imported
        library.gnutls_x509_trust_list_add_cas(trusted, (ctypes.c_void_p * 1)(root), 1, 0)
        called = asked.host.text.encode()
        if asked.host.is_address:
            called = socket.inet_pton(socket.AF_INET6 if b":" in called else socket.AF_INET, asked.host.text)
        kind = _IP_ADDRESS if asked.host.is_address else _DNS_HOSTNAME
        wanted = (_TypedDatum * 2)(
            _TypedDatum(kind, called, len(called)), _TypedDatum(_KEY_PURPOSE_OID, _SERVER_AUTH, 0)
        )
        status = ctypes.c_uint(1)
        failed = library.gnutls_x509_trust_list_verify_crt2(
            trusted, (ctypes.c_void_p * len(sent))(*sent), len(sent), wanted, 2, 0, ctypes.byref(status), None
        )
        return failed == 0 and status.value == 0
    finally:
        library.gnutls_x509_trust_list_deinit(trusted, 0)
        for certificate in imported:
            if certificate is not None:
                library.gnutls_x509_crt_deinit(certificate)
        library.gnutls_global_set_time_function(_TELLS_TIME(ctypes.CDLL(None).time))


def _imported(library: ctypes.CDLL, certificate: x509.Certificate) -> ctypes.c_void_p | None:
    der = certificate.public_bytes(Encoding.DER)
    made = ctypes.c_void_p()
    library.gnutls_x509_crt_init(ctypes.byref(made))
    if library.gnutls_x509_crt_import(made, ctypes.byref(_Datum(der, len(der))), 0) == 0:
        return made
    library.gnutls_x509_crt_deinit(made)
    return None


def mbedtls(asked: Presented, _folder: Path) -> bool:
    """mbed TLS in a handshake. It keeps its alerts to itself; the error says how far it came."""

    def connect(plain: socket.socket) -> bool:
        return mbedtls_client.fault_of_handshake(plain, asked.host.text, asked.root) in _WRONG_SIGNATURES

    return takes(asked.sent, connect)


_WOLFSSL = ("libwolfssl.so", "libwolfssl.so.42", "libwolfssl.so.35")  # by the development package, else by release

_WRONG_SIGNATURES = {0x4380, 0x4E00}  # MBEDTLS_ERR_RSA_VERIFY_FAILED, MBEDTLS_ERR_ECP_VERIFY_FAILED

_FROM_DER, _VERIFY_PEER = 2, 1  # WOLFSSL_FILETYPE_ASN1, WOLFSSL_VERIFY_PEER
_WOLFSSL_WRONG_SIGNATURES = {-201, -330}  # RSA_PAD_E, SIG_VERIFY_E


def wolfssl(asked: Presented, _folder: Path) -> bool:
    """wolfSSL in a handshake; the error says how far it came."""
    library = _library(*_WOLFSSL)
    assert library is not None

    def connect(plain: socket.socket) -> bool:
        plain.settimeout(None)
        context = ctypes.c_void_p(library.wolfSSL_CTX_new(ctypes.c_void_p(library.wolfTLSv1_2_client_method())))
        der = asked.root.public_bytes(Encoding.DER)
        try:
            if library.wolfSSL_CTX_load_verify_buffer(context, der, ctypes.c_long(len(der)), _FROM_DER) != 1:
                return False
            library.wolfSSL_CTX_set_verify(context, _VERIFY_PEER, None)  # Debian's verifies nothing by itself
            session = ctypes.c_void_p(library.wolfSSL_new(context))
            library.wolfSSL_set_fd(session, plain.fileno())
            library.wolfSSL_check_domain_name(session, asked.host.text.encode())
            error = library.wolfSSL_get_error(session, library.wolfSSL_connect(session))
            library.wolfSSL_free(session)
            return error in _WOLFSSL_WRONG_SIGNATURES
        finally:
            library.wolfSSL_CTX_free(context)

    return takes(asked.sent, connect)


def go(asked: Presented, folder: Path) -> bool:
    """Go's crypto/x509, which its TLS clients ask."""
    _write(asked, folder)
    called = [asked.host.text, str(int(asked.at.timestamp())), "root.pem", "sent.pem"]
    return subprocess.run([_go_judge(), *called], cwd=folder, capture_output=True, check=False).returncode == 0


@cache
def _go_judge() -> Path:
    """The program, compiled once for the run."""
    folder = Path(tempfile.mkdtemp(prefix="go-judge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin:/usr/local/go/bin", "GOFLAGS": "-mod=mod"}
    command = ["go", "build", "-o", str(folder / "judge"), str(_GO_SOURCE)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder / "judge"


@cache
def _library(*names: str) -> ctypes.CDLL | None:
    """The first of these that is installed."""
    library = None
    for name in names:
        with suppress(OSError):
            library = library or ctypes.CDLL(name)
    if library is not None and names == _WOLFSSL:
        library.wolfSSL_Init()
        for function in (library.wolfSSL_CTX_new, library.wolfTLSv1_2_client_method, library.wolfSSL_new):
            function.restype = ctypes.c_void_p
    return library


def _write(asked: Presented, folder: Path) -> None:
    (folder / "server.pem").write_bytes(encodings.pem(asked.sent[:1]))
    (folder / "others.pem").write_bytes(encodings.pem(asked.sent[1:]))
    (folder / "sent.pem").write_bytes(encodings.pem(asked.sent))
    (folder / "root.pem").write_bytes(encodings.pem([asked.root]))


# name -> (how it is asked, what has to be installed for it, whether it is)
TLS_JUDGES: dict[str, tuple[TlsJudge, str, bool]] = {
    "openssl": (openssl, "Debian's openssl", shutil.which("openssl") is not None),
    "gnutls": (gnutls, "Debian's libgnutls30", _library("libgnutls.so.30") is not None),
    "mbedtls": (mbedtls, "python-mbedtls, which has no wheel for this machine", mbedtls_client.is_installed()),
    "wolfssl": (wolfssl, "Debian's libwolfssl-dev", _library(*_WOLFSSL) is not None),
    "go": (go, "Debian's golang-go", shutil.which("go") is not None),
}
