"""Tokens by which devices prove themselves: vectors of our own, made by openssl, and what must not pass."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.protocol.device_token import WINDOW, TokenProof, token_in, verify
from engage_server.records import Secret
from tests.support.tokens import DIGITS, KEY, SERIAL, encrypted, text_token

OTHER_KEY = Secret(bytes(range(2, 34)))
OTHER = "0000000000000000A0B1000000000207"
AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
SECONDS = int(AT.timestamp())

BIG = bytes(8) + SECONDS.to_bytes(8, "big")
LITTLE = bytes(8) + SECONDS.to_bytes(8, "little")

# openssl enc -aes-256-cbc -K 0102..20 -iv 0 -nopad, and -aes-256-ecb, over DIGITS and SERIAL
TEXT_VECTOR = (
    "MDAwMDAwMDAwMDAwMDAwMEEwQjEwMDAwMDAwMDAyMDY6MzdDNDgxMTExOEExRDMzMD"
    "hGMzg3MTcyNkU5NjcxRTgyRDRCMTM5RjExMjMxNTFCQzQyMDIyNTJGNkFEOEY1Qjox"
)
RAW_CBC_VECTOR = "AAAAAAAAAACgsQAAAAACBjfEgREYodMwjzhxcm6WcegtSxOfESMVG8QgIlL2rY9b"
RAW_ECB_VECTOR = "AAAAAAAAAACgsQAAAAACBjfEgREYodMwjzhxcm6WcehTL5dG+kKtMSdoEcroTtjJ"


def raw_token(time: bytes = DIGITS, serial: str = SERIAL, mode: str = "cbc", clear: str | None = None) -> str:
    cipher = encrypted(time + bytes.fromhex(serial), mode)
    return base64.b64encode(bytes.fromhex(clear or serial) + cipher).decode()


PROOF = TokenProof(SERIAL, SECONDS)


@pytest.mark.parametrize("vector", [TEXT_VECTOR, RAW_CBC_VECTOR, RAW_ECB_VECTOR])
def test_the_vectors(vector: str) -> None:
    assert verify(vector, KEY, SERIAL, AT) == verify(vector, KEY, None, AT) == PROOF
    assert verify(vector, OTHER_KEY, SERIAL, AT) is None
    assert verify(vector, KEY, OTHER, AT) is None


def test_the_vectors_are_what_openssl_makes() -> None:
    assert (text_token(), raw_token(), raw_token(mode="ecb")) == (TEXT_VECTOR, RAW_CBC_VECTOR, RAW_ECB_VECTOR)


@pytest.mark.parametrize("time", [DIGITS, BIG, LITTLE])
@pytest.mark.parametrize("make", [raw_token, text_token])
def test_each_form_of_time(make: Callable[[bytes], str], time: bytes) -> None:
    token = make(time)
    for apart in (-WINDOW, timedelta(0), WINDOW):
        assert verify(token, KEY, SERIAL, AT + apart) == PROOF
    for apart in (-WINDOW, WINDOW):
        assert verify(token, KEY, SERIAL, AT + apart * 1.001) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "=" * 64,
        "A" * 64,
        base64.b64encode(bytes(48)).decode(),
        base64.b64encode(b"\xff" * 99).decode(),
        raw_token(bytes(16)),
        raw_token(b"randomrandomrand"),
        raw_token(b"20269926023000\0\0"),
        raw_token(b"20261126023000\0x"),
        raw_token(b"20261126023000  "),
        raw_token(serial=OTHER, clear=SERIAL),
        text_token(serial=OTHER, clear=SERIAL),
        text_token(mode="ecb"),
        raw_token()[:-4],
        text_token()[4:],
        TEXT_VECTOR[:20] + "B" + TEXT_VECTOR[21:],
    ],
)
def test_what_proves_nothing(token: str) -> None:
    assert verify(token, KEY, SERIAL, AT) is None
    assert verify(token, KEY, None, AT) is None


@settings(max_examples=300)
@given(st.binary(min_size=0, max_size=120), st.sampled_from(["raw", "text", "any"]))
def test_nothing_that_a_stranger_makes_passes_or_raises(content: bytes, form: str) -> None:
    serial = bytes.fromhex(SERIAL)
    padded = content.ljust(32, b"\0")[:32]
    made = {"raw": serial + padded, "text": f"{SERIAL}:{padded.hex()}:1".encode(), "any": content}[form]
    assert verify(base64.b64encode(made).decode(), KEY, SERIAL, AT) is None
    assert verify(base64.urlsafe_b64encode(made).decode().rstrip("="), KEY, None, AT) is None


@settings(max_examples=300)
@given(st.text(max_size=400))
def test_any_text_is_no_token_or_a_short_line(text: str) -> None:
    verify(text, KEY, SERIAL, AT)
    for value in (text, f"Device {text}"):
        found = token_in(value)
        assert len(found) <= 258
        assert found.isascii()
        assert not set(found) & set(' ":\r\n\\')


def test_where_the_token_stands() -> None:
    for scheme in ("Device", "device", "DRIVER", " Driver "):
        assert token_in(f"{scheme} {TEXT_VECTOR} ") == TEXT_VECTOR
    for value in ("", "Device", TEXT_VECTOR, f"Basic {TEXT_VECTOR}", f"Bearer {TEXT_VECTOR}", "Device " + "A" * 300):
        assert token_in(value) == ""
    for value in ("Device abc", f'Device {TEXT_VECTOR}"', f"Device {TEXT_VECTOR} {TEXT_VECTOR}"):
        assert token_in(value) == ""
    unpadded = base64.urlsafe_b64encode(base64.b64decode(RAW_ECB_VECTOR)).decode().rstrip("=")
    assert verify(token_in(f"Device {unpadded}"), KEY, SERIAL, AT) == PROOF
