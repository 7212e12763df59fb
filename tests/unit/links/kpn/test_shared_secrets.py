"""Shared secrets: two kinds, two patterns."""

import re

import pytest

from engage_server.errors import UsageError
from engage_server.links.kpn.shared_secrets import SecretKind, assert_usable, new_secret
from engage_server.records import Secret

DEVICE = re.compile(rb"^[0-9a-zA-Z]{30,100}\Z")  # as the document writes it


def test_made_secrets_follow_their_pattern_and_differ() -> None:
    made = [new_secret(SecretKind.DEVICE) for _ in range(200)]
    assert all(DEVICE.match(each.reveal()) for each in made)
    assert len({each.reveal() for each in made}) == len(made)
    for _ in range(200):
        value = new_secret(SecretKind.DESTINATION).reveal().decode()
        assert len(value) >= 32
        for pattern in ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]"):
            assert re.search(pattern, value)
        assert_usable(Secret(value.encode()), SecretKind.DESTINATION, "it")


@pytest.mark.parametrize("value", [b"a" * 30, b"Z9" * 50])
def test_a_device_secret_is_accepted(value: bytes) -> None:
    assert_usable(Secret(value), SecretKind.DEVICE, "it")


@pytest.mark.parametrize(
    "value", [b"", b"a" * 29, b"a" * 101, b"a" * 30 + b"!", b"a" * 30 + b"\n", b"a b" * 12, "é".encode() * 20]
)
def test_another_device_secret_is_refused_and_not_repeated(value: bytes) -> None:
    with pytest.raises(UsageError, match="30 to 100") as raised:
        assert_usable(Secret(value), SecretKind.DEVICE, "k.secret")
    assert not value or value.decode().strip() not in str(raised.value)


@pytest.mark.parametrize("value", [b"aA1!" * 8, b"aA1!" * 100])
def test_a_destination_secret_is_accepted(value: bytes) -> None:
    assert_usable(Secret(value), SecretKind.DESTINATION, "it")


@pytest.mark.parametrize(
    "value",
    [b"", b"aA1!" * 7, b"aA1" * 20, b"AA1!" * 20, b"aa1!" * 20, b"aAb!" * 20, b"aA1 " * 20, b"aA1!" * 8 + b"\n"],
)
def test_another_destination_secret_is_refused(value: bytes) -> None:
    with pytest.raises(UsageError, match="32 characters"):
        assert_usable(Secret(value), SecretKind.DESTINATION, "k.secret")


def test_a_device_secret_is_no_destination_secret() -> None:
    with pytest.raises(UsageError):
        assert_usable(new_secret(SecretKind.DEVICE), SecretKind.DESTINATION, "it")
    with pytest.raises(UsageError):
        assert_usable(new_secret(SecretKind.DESTINATION), SecretKind.DEVICE, "it")
