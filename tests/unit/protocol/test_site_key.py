"""The site key in all its spellings, and the hash: vectors of the protocol notes, and the ways to get it wrong."""

import base64

import pytest

from engage_server.errors import SiteKeyInvalid
from engage_server.protocol.site_key import anchor_hash, hashes_equal, read_site_key, write_site_key
from engage_server.records import Secret
from tests.support.chains import SITE_KEY

COUNTING = bytes(range(1, 33))
NIBBLES = bytes(n * 0x11 for n in range(16)) * 2

VECTORS = [
    (COUNTING, b"", "SVmELVI2FbVhj6otJbXgHCHzQxo="),
    (COUNTING, b"abc", "1j3/wYEB1xvbCHqvWBHS49Xkf4c="),
    (COUNTING, bytes(range(256)), "eNRVLFihgC/QLjRCFBC8St1rM70="),
    (NIBBLES, b"abc", "d2c0dOvmcHJb4r3Qk+ehVzolgCg="),
    (b"\x0b" * 20, b"Hi There", "thcxhlUFcmTii8C2+zeMjvFGvgA="),
]


@pytest.mark.parametrize(("key", "message", "expected"), VECTORS)
def test_vectors(key: bytes, message: bytes, expected: str) -> None:
    assert anchor_hash(Secret(key), message) == expected


@pytest.mark.parametrize(
    ("wrong_key", "wrong_hash"),
    [
        (base64.b64encode(COUNTING), "7DC/9Tjj2fne+u4J51Ux3lXdpiA="),
        (COUNTING.hex().encode(), "cN7OGxviTuVtFQp8l6fE2D5qG5A="),
    ],
    ids=["Base64 text as key", "hex text as key"],
)
def test_the_text_of_the_key_is_not_the_key(wrong_key: bytes, wrong_hash: str) -> None:
    assert anchor_hash(Secret(wrong_key), b"abc") == wrong_hash, "the vector itself"
    assert anchor_hash(read_site_key(wrong_key, allow_samples=True), b"abc") != wrong_hash
    assert anchor_hash(read_site_key(wrong_key, allow_samples=True), b"abc") == "1j3/wYEB1xvbCHqvWBHS49Xkf4c="


RAW = SITE_KEY.reveal()


@pytest.mark.parametrize(
    "text",
    [
        RAW.hex().encode(),
        RAW.hex().upper().encode(),
        base64.b64encode(RAW),
        base64.b64encode(RAW) + b"\n",
        RAW.hex().encode() + b"\r\n",
        b"  " + base64.b64encode(RAW) + b" \n",
    ],
)
def test_every_spelling_gives_the_same_key(text: bytes) -> None:
    assert read_site_key(text) == SITE_KEY


def test_64_hex_digits_are_hex_although_they_are_base64_too() -> None:
    text = b"0123456789abcdef" * 4
    assert len(base64.b64decode(text, validate=True)) == 48
    assert read_site_key(text).reveal() == bytes.fromhex(text.decode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        RAW,
        RAW[:31].hex().encode(),
        RAW.hex().encode()[:-1],
        RAW.hex().encode()[:-1] + b"g",
        RAW.hex().encode() + b"0",
        b"0x" + RAW.hex().encode()[:62],
        base64.b64encode(RAW)[:-1],
        base64.b64encode(RAW[:31]),
        base64.b64encode(RAW + b"\x00"),
        base64.b64encode(RAW)[:-2] + b"==",
        base64.b64encode(RAW).replace(b"=", b"!"),
        base64.urlsafe_b64encode(b"\xff" * 32),
        base64.b64encode(RAW.hex().encode()),
        b'"' + base64.b64encode(RAW)[1:-1] + b'"',
        "é".encode() * 22,
        b"\x00" * 64,
    ],
)
def test_other_texts_are_refused_and_not_repeated(text: bytes) -> None:
    with pytest.raises(SiteKeyInvalid) as caught:
        read_site_key(text)
    shown = caught.value.sentence + caught.value.next_step
    assert len(text) < 8 or text.decode("latin-1") not in shown
    assert RAW.hex()[:12] not in shown


@pytest.mark.parametrize(
    "sample",
    [
        COUNTING,
        NIBBLES,
        bytes.fromhex("112233445566778899AABBCCDDEEFF" * 2 + "1122"),
        bytes.fromhex("19B2DEDBA6621D297A293E9015B52406F221DB1384D1A1CFB01B09C36D35C54C"),
    ],
)
def test_published_samples_are_for_demonstrations_only(sample: bytes) -> None:
    for text in (sample.hex().encode(), base64.b64encode(sample)):
        with pytest.raises(SiteKeyInvalid, match="public documents"):
            read_site_key(text)
        assert read_site_key(text, allow_samples=True).reveal() == sample


def test_written_form_reads_back() -> None:
    assert read_site_key(write_site_key(SITE_KEY)) == SITE_KEY
    assert len(write_site_key(SITE_KEY)) == 44


def test_hash_comparison() -> None:
    assert hashes_equal("abc=", "abc=")
    assert not hashes_equal("abc=", "xyz=")
    assert not hashes_equal("abc=", "é")


def test_a_key_of_raw_bytes_is_named_as_such() -> None:
    with pytest.raises(SiteKeyInvalid, match="raw bytes") as caught:
        read_site_key(bytes(range(130, 162)))
    assert "base64 -w 0" in caught.value.next_step
    with pytest.raises(SiteKeyInvalid, match="has 32 characters") as other:
        read_site_key(b"x" * 32)
    assert "raw" not in other.value.sentence + other.value.next_step, "the control"
