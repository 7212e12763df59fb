"""What two processes exchange, where one opens a chain for the other.

A private key is in it: it may go through a pipe, and nowhere else.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import CertificateInvalid, ContentNotUsable, EngageError, PrivateKeyInvalid, UsageError
from engage_server.pki import encodings
from engage_server.pki.chain import Chain
from engage_server.pki.keys import private_key_pem, read_validated_key
from engage_server.records import Secret
from engage_server.services.chains.folder import ChainMaterial

_ERRORS = {kind.__name__: kind for kind in (ContentNotUsable, CertificateInvalid, PrivateKeyInvalid)}


def as_request(content: bytes, passphrase: Secret | None) -> bytes:
    """What to open, for :func:`answer_to`."""
    secret = None if passphrase is None else base64.b64encode(passphrase.reveal()).decode()
    return json.dumps({"content": base64.b64encode(content).decode(), "passphrase": secret}).encode()


def answer_to(request: bytes, open_it: Callable[[bytes, Secret | None], ChainMaterial]) -> bytes:
    """Open it, and return the chain and its key, or the error, for :func:`read_answer`."""
    asked = json.loads(request)
    secret = None if asked["passphrase"] is None else Secret(base64.b64decode(asked["passphrase"]))
    try:
        answer = _of_material(open_it(base64.b64decode(asked["content"]), secret))
    except EngageError as error:
        kind = type(error).__name__
        answer = {"error": kind, "sentence": error.sentence, "next_step": error.next_step, "code": error.code}
    return json.dumps(answer).encode()


def read_answer(answer: bytes) -> ChainMaterial:
    """Return the chain and its key. The key is not validated again.

    Raises:
        EngageError: The error of the process that opened it.
    """
    told = json.loads(answer)
    if "error" in told:
        raise _ERRORS.get(told["error"], UsageError)(told["sentence"], told["next_step"], code=told["code"])
    key = read_validated_key(Secret(told["key"].encode()), source="-")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the process that opened it gave a key that is not RSA")
    root, server, *intermediates = _read(told["chain"])
    return ChainMaterial(Chain(root, tuple(intermediates), server, tuple(_read(told["links"]))), key)


def _of_material(material: ChainMaterial) -> dict[str, Any]:
    chain = material.chain
    return {
        "chain": _written(chain.root, chain.server, *chain.intermediates),
        "links": _written(*chain.links),
        "key": private_key_pem(material.server_key).reveal().decode(),
    }


def _written(*certificates: x509.Certificate) -> list[str]:
    return [encodings.pem([each]).decode() for each in certificates]


def _read(certificates: list[str]) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(each.encode()) for each in certificates]
