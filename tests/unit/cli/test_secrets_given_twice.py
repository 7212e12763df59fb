"""One secret in a variable and another in a file for the same purpose: refused, and neither is shown."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.composition.keys.source import read_key
from engage_server.composition.opening import given_release_key
from engage_server.errors import SettingsInvalid
from engage_server.settings import load_settings
from engage_server.store.sealing import new_key_encryption_key
from tests.support.chains import good_chain
from tests.support.commands import engage, ok
from tests.support.refusals import error

ONE, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root.der").write_bytes(good_chain().chain.root.public_bytes(Encoding.DER))
    (tmp_path / "secret").write_text(ONE + "\n")
    return tmp_path


@pytest.mark.parametrize("command", [("hash", "root.der"), ("lock", "fetch", "http://127.0.0.1:9")], ids=" ".join)
def test_two_site_keys(folder: Path, command: tuple[str, ...]) -> None:
    done = engage(folder, *command, ENGAGE_SITE_KEY=OTHER, ENGAGE_SITE_KEY_FILE="secret")
    error(done, 2, "secret.given_twice", "ENGAGE_SITE_KEY ", "ENGAGE_SITE_KEY_FILE", "file secret")
    assert ONE not in done.stderr
    assert OTHER not in done.stderr


def test_two_passphrases(folder: Path) -> None:
    done = engage(folder, "chain", "check", "root.der", ENGAGE_PASSPHRASE=OTHER, ENGAGE_PASSPHRASE_FILE="secret")
    error(done, 2, "secret.given_twice", "ENGAGE_PASSPHRASE_FILE")


def test_the_same_twice_one_that_is_gone_and_an_option_are_fine(folder: Path) -> None:
    """The controls. An option is what the operator wants now."""
    (folder / "option").write_text(OTHER)
    alone = ok(engage(folder, "hash", "root.der", ENGAGE_SITE_KEY=ONE))
    assert ok(engage(folder, "hash", "root.der", ENGAGE_SITE_KEY=ONE, ENGAGE_SITE_KEY_FILE="secret")) == alone
    assert ok(engage(folder, "hash", "root.der", ENGAGE_SITE_KEY=ONE, ENGAGE_SITE_KEY_FILE="gone")) == alone
    named = ("hash", "root.der", "--site-key-file", "option")
    assert ok(engage(folder, *named, ENGAGE_SITE_KEY=ONE, ENGAGE_SITE_KEY_FILE="secret")) != alone


def test_two_keys_of_an_installation(tmp_path: Path) -> None:
    one, other = new_key_encryption_key().decode(), new_key_encryption_key().decode()
    (tmp_path / "engage.kek").write_text(one)
    (tmp_path / "release.key").write_text("x")
    named = {"ENGAGE_KEY_ENCRYPTION_KEY_FILE": "engage.kek", "ENGAGE_RELEASE_KEY_FILE": "release.key"}
    settings = load_settings(None, named, {}, tmp_path)
    for read, variable in ((read_key, "ENGAGE_KEY_ENCRYPTION_KEY"), (given_release_key, "ENGAGE_RELEASE_KEY")):
        with pytest.raises(SettingsInvalid, match=f"{variable} holds another secret") as raised:
            read(settings, named | {variable: other})
        assert other.strip() not in f"{raised.value}{raised.value.next_step}"
    read_key(settings, named | {"ENGAGE_KEY_ENCRYPTION_KEY": one.strip()})
    (tmp_path / "engage.kek").unlink()
    read_key(settings, named | {"ENGAGE_KEY_ENCRYPTION_KEY": other})
