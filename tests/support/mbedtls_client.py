"""A client on mbed TLS, the TLS stack of many embedded devices: trusts one certificate, speaks TLS 1.2."""

import importlib.util
import socket

from cryptography import x509

from engage_server.pki import encodings


def is_installed() -> bool:
    """Whether python-mbedtls is there: it has no wheel for every machine."""
    return importlib.util.find_spec("mbedtls") is not None


def accepts(port: int, host: str, anchor: x509.Certificate) -> bool:
    """Whether a handshake with 127.0.0.1, called by this name, comes through."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        return fault_of_handshake(plain, host, anchor) == 0


def fault_of_handshake(plain: socket.socket, host: str, anchor: x509.Certificate) -> int:
    """The number of the error that ends a handshake over this socket; 0: it came through; -1: nobody answered."""
    from mbedtls import tls
    from mbedtls import x509 as mbed_x509
    from mbedtls.exceptions import TLSError

    trusted = tls.TrustStore()
    try:
        trusted.add(mbed_x509.CRT.from_DER(encodings.der(anchor)))
        context = tls.ClientContext(tls.TLSConfiguration(trust_store=trusted, validate_certificates=True))
        context.wrap_socket(plain, server_hostname=host).do_handshake()
    except TLSError as error:
        return int(error.err)  # type: ignore[attr-defined]  # its stubs leave it out
    except OSError:
        return -1
    return 0
