"""A TLS 1.2 server that has certificates and not their keys: it shows whether a client takes the chain.

It answers a ClientHello with the certificates and a key exchange whose signature is nonsense. A client that refuses the
chain ends there; one that takes it comes as far as the signature, and fails then. Its error tells.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_HANDSHAKE = 22
_RSA_SUITES = (0xC02F, 0xC030, 0xC027, 0xC013)  # TLS_ECDHE_RSA_...
_ECDSA_SUITES = (0xC02B, 0xC02C, 0xC023, 0xC009)


def takes(sent: Sequence[x509.Certificate], connect: Callable[[socket.socket], bool]) -> bool:
    """Whether a client takes what is sent.

    Args:
        sent: The certificates, in the order in which they are sent.
        connect: Makes the client shake hands over a socket, which fails in any case, and says whether it came to the
            signature.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        theirs.settimeout(10)
        server = threading.Thread(target=_serve, args=(ours, sent))
        server.start()
        try:
            return connect(theirs)
        finally:
            theirs.close()
            server.join()


def _serve(connection: socket.socket, sent: Sequence[x509.Certificate]) -> None:
    with suppress(OSError):  # it goes away in any case, with a word or without
        connection.sendall(_flight(_record(connection), sent))
        _record(connection)
    connection.close()


def _flight(hello: bytes, sent: Sequence[x509.Certificate]) -> bytes:
    session_bytes = hello[38]
    at = 39 + session_bytes
    count = int.from_bytes(hello[at : at + 2], "big")
    offered = struct.unpack(f">{count // 2}H", hello[at + 2 : at + 2 + count])
    is_rsa = isinstance(sent[0].public_key(), rsa.RSAPublicKey)
    suite = next(each for each in (_RSA_SUITES if is_rsa else _ECDSA_SUITES) if each in offered)
    server_hello = b"\x03\x03" + os.urandom(32) + b"\0" + struct.pack(">HB", suite, 0)
    chain = b"".join(_with_length(each.public_bytes(Encoding.DER)) for each in sent)
    messages = ((2, server_hello), (11, _with_length(chain)), (12, _key_exchange(is_rsa)), (14, b""))
    return b"".join(_message(kind, body) for kind, body in messages)


def _key_exchange(is_rsa: bool) -> bytes:
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoded = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    signature = b"\x01" * 256 if is_rsa else bytes.fromhex("3006020101020101")
    algorithm = b"\x04\x01" if is_rsa else b"\x04\x03"
    head = b"\x03\x00\x17" + bytes([len(encoded)]) + encoded + algorithm
    return head + struct.pack(">H", len(signature)) + signature


def _message(kind: int, body: bytes) -> bytes:
    whole = bytes([kind]) + _with_length(body)
    return bytes([_HANDSHAKE, 3, 3]) + struct.pack(">H", len(whole)) + whole


def _with_length(body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + body


def _record(connection: socket.socket) -> bytes:
    return _exactly(connection, int.from_bytes(_exactly(connection, 5)[3:], "big"))


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise OSError("the client went away")
        got += more
    return got
