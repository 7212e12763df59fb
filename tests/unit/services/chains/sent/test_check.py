"""Chains that were sent along: what is read of them, and what the dearest one costs."""

import base64
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12

from engage_server.checks import Circumstances
from engage_server.errors import EngageError
from engage_server.services.chains.held_files import MAX_CERTIFICATES
from engage_server.services.chains.sent.check import check_sent, read_anchor
from tests.support.chains import NOW
from tests.support.world import World

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_AT = Circumstances(NOW)
_SIGNED_BY_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")


def test_a_good_chain_has_no_error(world: World) -> None:
    folder = world.chain_folder()
    pem = (folder / "partner_server.pem").read_text() + (folder / "partner_CA.pem").read_text()
    run = check_sent(pem, _AT)
    (result,) = run
    assert result.target == "chain.pem"
    assert run.totals()["error"] == 0, result.findings
    assert result.total > 0


def test_a_missing_root_is_told_in_words_of_a_sender(world: World) -> None:
    folder = world.chain_folder()
    server = (folder / "partner_server.pem").read_text()
    (alone,) = check_sent(server, _AT)
    (finding,) = [each for each in alone.findings if each.code == "path.incomplete"]
    assert "--" not in finding.mend
    assert "field anchor" in finding.mend
    anchor = read_anchor((folder / "partner_CA.pem").read_text())
    (whole,) = check_sent(server, Circumstances(NOW, anchor_certificate=anchor))
    assert "path.incomplete" not in {each.code for each in whole.findings}


def test_a_private_key_is_refused_and_not_repeated(world: World) -> None:
    folder = world.chain_folder()
    key = (folder / "partner_server.key").read_text()
    for read in (lambda text: check_sent(text, _AT), read_anchor):
        with pytest.raises(EngageError) as refused:
            read((folder / "partner_server.pem").read_text() + key)
        assert refused.value.code == "private_key.sent"
        assert key.splitlines()[1] not in refused.value.sentence + refused.value.next_step


def test_what_is_no_chain_is_refused(world: World) -> None:
    root = (world.chain_folder() / "partner_CA.pem").read_text()
    for text in ("", "hello", root[:-40], root * (MAX_CERTIFICATES + 1), "\ud800"):
        with pytest.raises(EngageError) as refused:
            check_sent(text, _AT)
        assert refused.value.code == "certificate.invalid"
    with pytest.raises(EngageError):
        read_anchor(root * 2)


def test_no_container_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one takes as many rounds as it says, and nothing else runs meanwhile."""

    def opened(*_: object) -> None:
        raise AssertionError("a container was opened")

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = pkcs12.serialize_key_and_certificates(b"x", key, None, None, NoEncryption())
    monkeypatch.setattr(pkcs12, "load_pkcs12", opened)
    body = base64.b64encode(content).decode()
    for text in (body, f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"):
        with pytest.raises(EngageError) as refused:
            check_sent(text, _AT)
        assert refused.value.code == "certificate.invalid"


@pytest.mark.parametrize(("bits", "exponent"), [(8192, 65537), (8192, 2**64 - 1), (3072, 2**3071 + 2**3000 - 1)])
def test_the_dearest_chain_costs_little(bits: int, exponent: int) -> None:
    """As many certificates as are read, all of one name, so that each might have signed each other one."""
    numbers = random.Random(1)  # noqa: S311  # not for secrets
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = "".join(_possible_issuer(key, number, (bits, exponent), numbers) for number in range(MAX_CERTIFICATES))
    assert len(pem) < 100_000
    began = time.process_time()
    list(check_sent(pem, _AT))
    assert time.process_time() - began < 5  # about one second on a slow core


def test_text_that_only_begins_costs_little() -> None:
    """Many BEGIN lines, and no END: each of them must not be followed to the end of the text."""
    began = time.process_time()
    with pytest.raises(EngageError):
        check_sent("-----BEGIN CERTIFICATE-----\n" * 35_000, _AT)
    assert time.process_time() - began < 1


def _possible_issuer(key: rsa.RSAPrivateKey, number: int, kind: tuple[int, int], numbers: random.Random) -> str:
    """A CA's certificate with a large key and a signature of the same size, which no key made."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one of many")])
    bits, exponent = kind
    modulus = numbers.getrandbits(bits) | 1 | 1 << bits - 1
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa.RSAPublicNumbers(exponent, modulus).public_key())
        .serial_number(number + 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_BEGIN + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    signature = b"\0" + numbers.getrandbits(bits - 1).to_bytes(bits // 8, "big")
    der = _element(0x30, made.tbs_certificate_bytes + _SIGNED_BY_RSA + _element(3, signature))
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(octets)]) + octets + content


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A store of its own, for its folder with a chain."""
    return World(tmp_path)
