"""Keys are encrypted with every passphrase that OpenSSL accepts, and no other."""

import pytest

from engage_server.errors import PrivateKeyInvalid
from engage_server.pki.keys import MAX_PASSPHRASE_BYTES, private_key_pem, read_private_key
from engage_server.records import Secret
from tests.support.chains import key


@pytest.mark.parametrize("passphrase", [b"x", "ä§🚪".encode(), b"\0\xff", b"x" * MAX_PASSPHRASE_BYTES])
def test_what_is_encrypted_can_be_opened(passphrase: bytes) -> None:
    content = private_key_pem(key(), Secret(passphrase))
    opened = read_private_key(content, Secret(passphrase), source="x")
    assert opened.public_key() == key().public_key()


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [(b"", "the passphrase is empty"), (b"x" * (MAX_PASSPHRASE_BYTES + 1), "the passphrase has 1024 bytes")],
)
def test_what_openssl_refuses_is_refused_in_words(passphrase: bytes, words: str) -> None:
    with pytest.raises(PrivateKeyInvalid, match=words):
        private_key_pem(key(), Secret(passphrase))
