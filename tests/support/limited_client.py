"""A TLS client that takes so many bytes of certificates and no more: the system's libssl, called directly.

Python's ``ssl`` and pyOpenSSL offer no way to ``SSL_CTX_set_max_cert_list``, which is how a device's room for a chain
is expressed in OpenSSL's terms.
"""

import ctypes
import ctypes.util
import socket

_SET_MINIMUM, _SET_MAXIMUM, _SET_MAX_CERT_LIST = 123, 124, 51  # ssl.h: SSL_CTRL_...
_TLS_1_2 = 0x0303
_REASON_MASK = 0x7FFFFF
_EXCESSIVE_MESSAGE_SIZE = 152  # sslerr.h


def libssl() -> ctypes.CDLL | None:
    """The system's libssl, or None where there is none."""
    name = ctypes.util.find_library("ssl")
    return ctypes.CDLL(name) if name else None


def handshake(port: int, limit: int) -> str:
    """Do one TLS 1.2 handshake with 127.0.0.1 without verifying anything.

    Args:
        port: Where the server listens.
        limit: Bytes that the Certificate message may have.

    Returns:
        ``ok``, ``too long`` when the Certificate message was refused for its size, or another failure's reason code.
    """
    library = libssl()
    assert library is not None
    for function in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(library, function).restype = ctypes.c_void_p
    library.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
    context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_client_method())))
    for control, value in ((_SET_MINIMUM, _TLS_1_2), (_SET_MAXIMUM, _TLS_1_2), (_SET_MAX_CERT_LIST, limit)):
        library.SSL_CTX_ctrl(context, control, value, None)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.settimeout(None)  # libssl wants a blocking socket
        session = ctypes.c_void_p(library.SSL_new(context))
        library.SSL_set_fd(session, connection.fileno())
        outcome = "ok" if library.SSL_connect(session) == 1 else _reason()
        library.SSL_free(session)
    library.SSL_CTX_free(context)
    return outcome


def _reason() -> str:
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    crypto.ERR_get_error.restype = ctypes.c_ulong
    reason = crypto.ERR_get_error() & _REASON_MASK
    return "too long" if reason == _EXCESSIVE_MESSAGE_SIZE else f"reason {reason}"
