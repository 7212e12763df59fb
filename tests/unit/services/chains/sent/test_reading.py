"""What is opened elsewhere, and what is refused at once: no key and no container is opened in the process asked."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from engage_server.errors import EngageError
from engage_server.pki.containers import binary, private_keys
from engage_server.records import Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.sent.exchange import answer_to, as_request, read_answer
from engage_server.services.chains.sent.reading import open_here, read_sent
from tests.support import containers
from tests.support.chains import key, link_certificate
from tests.support.containers import BUILT, KEY, LOCKED_KEY, PASSPHRASE, PEM, labelled, openssl, pfx

_OPENED = ChainMaterial(BUILT.chain, BUILT.server_key)
_BER = b"\x30\x80" + b"\x02\x01\x03\x30\x80" + bytes(8)  # a PKCS#12 file of indefinite length begins like this

# everything that could make a reader compute, in every wrapping in which a reader would find it
TO_BE_OPENED: dict[str, bytes] = {
    "plain key": PEM + KEY,
    "key before": KEY + PEM,
    "key of OpenSSH": PEM + labelled("OPENSSH PRIVATE KEY", b"openssh-key-v1\0"),
    "key of another kind": PEM + labelled("DSA PRIVATE KEY", b"\x30\0"),
    "locked key": PEM + LOCKED_KEY,
    "locked key, by its header": PEM + b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n"
    b"AAAA\n-----END RSA PRIVATE KEY-----\n",
    "key in DER": openssl("rsa", "-outform", "DER", given=KEY),
    "PKCS#12": pfx(PASSPHRASE),
    "PKCS#12 without passphrase": pfx(),
    "PKCS#12 in BER": _BER,
    "PKCS#12 called a certificate": labelled("CERTIFICATE", pfx(PASSPHRASE)),
    "PKCS#12 called PKCS#7": labelled("PKCS7", pfx(PASSPHRASE)),
    "PKCS#12 behind a chain": PEM + labelled("PFX", pfx(PASSPHRASE)),
    "bare Base64": base64.encodebytes(pfx(PASSPHRASE)),
    "Base64 of PEM": base64.b64encode(PEM + LOCKED_KEY),
    "UTF-16": (PEM + LOCKED_KEY).decode().encode("utf-16"),
}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was opened apart. To open something here fails."""

    def never(*_arguments: Any) -> None:
        raise AssertionError("it was opened here")

    for module, name in (
        (pkcs12, "load_pkcs12"),
        (binary, "key_in_der"),
        (private_keys, "load_pem_private_key"),
        (private_keys, "load_ssh_private_key"),
        (private_keys, "load_der_private_key"),
    ):
        monkeypatch.setattr(module, name, never)
    return []


@pytest.mark.parametrize("name", TO_BE_OPENED)
def test_whatever_could_take_long_is_opened_apart(name: str, opened: list[bytes]) -> None:
    def open_apart(content: bytes, passphrase: Secret | None) -> ChainMaterial:
        opened.append(content)
        return _OPENED

    assert read_sent(TO_BE_OPENED[name], Secret(PASSPHRASE), open_apart) is _OPENED
    assert opened == [TO_BE_OPENED[name]]


@pytest.mark.parametrize("name", ["key before", "PKCS#12", "locked key", "bare Base64"])
def test_the_control_opens_here(name: str, opened: list[bytes]) -> None:
    """The same bytes, read as a command reads an operator's own file."""
    with pytest.raises(AssertionError, match="opened here"):
        open_here(TO_BE_OPENED[name], Secret(PASSPHRASE))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "content.empty"),
        (b"nothing", "content.no_certificate"),
        (PEM[:-20] + b"\n", "content.cut_off"),
        (labelled("CERTIFICATE REQUEST", b"\x30\0"), "content.request"),
    ],
)
def test_what_holds_nothing_is_refused_at_once(content: bytes, code: str, opened: list[bytes]) -> None:
    def open_apart(content: bytes, passphrase: Secret | None) -> ChainMaterial:
        raise AssertionError("another process was started for it")

    with pytest.raises(EngageError) as refusal:
        read_sent(content, None, open_apart)
    assert refusal.value.code == code


def test_an_answer_is_the_chain_and_its_key() -> None:
    read = read_answer(answer_to(as_request(pfx(PASSPHRASE), Secret(PASSPHRASE)), open_here))
    assert read.chain == BUILT.chain
    assert read.server_key.private_numbers() == BUILT.server_key.private_numbers()


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (pfx(PASSPHRASE), None),
        (pfx(PASSPHRASE), Secret(b"other")),
        (PEM, None),
        (KEY, None),
        *((make(), None) for make, *_ in containers.UNREADABLE.values()),
    ],
)
def test_an_error_is_the_same_from_afar(content: bytes, passphrase: Secret | None) -> None:
    with pytest.raises(EngageError) as here:
        open_here(content, passphrase)
    with pytest.raises(EngageError) as afar:
        read_answer(answer_to(as_request(content, passphrase), open_here))
    told = [(type(each), each.sentence, each.next_step, each.code) for each in (here.value, afar.value)]
    assert told[0] == told[1]


def test_a_link_comes_along() -> None:
    """The chain of a linked re-key has one, which the server sends."""
    linked = replace(BUILT.chain, links=(link_certificate(BUILT, key(3)),))
    material = ChainMaterial(linked, BUILT.server_key)
    assert read_answer(answer_to(as_request(b"", None), lambda *_: material)).chain == material.chain
