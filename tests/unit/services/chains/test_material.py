"""What ``release stage`` takes, and what it says of the rest."""

from pathlib import Path

import pytest

from engage_server.errors import EngageError
from engage_server.pki import encodings, keys
from engage_server.records import Secret
from engage_server.services.chains.material import could_be_staged, read_material
from engage_server.services.chains.targets import groups_of, read_target
from tests.support.chains import good_chain, key
from tests.support.containers import BUILT, CHAIN, INTERMEDIATE, KEY, LEAF, LOCKED_KEY, PASSPHRASE, PEM, ROOT, pfx

FULL = encodings.pem(CHAIN[:2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind."""
    files = {
        "all.pem": KEY + PEM,
        "locked.pem": LOCKED_KEY + PEM,
        "open.pfx": pfx(),
        "locked.pfx": pfx(PASSPHRASE),
        "fullchain.pem": FULL,
        "privkey.pem": KEY,
        "root.pem": encodings.pem([ROOT]),
        "foreign.pem": keys.private_key_pem(key(0)).reveal(),
        "other.pem": encodings.pem(good_chain("other").chain.sent),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "certbot").mkdir()
    for name in ("fullchain.pem", "privkey.pem", "root.pem"):
        (tmp_path / "certbot" / name).write_bytes(files[name])
    return tmp_path


@pytest.mark.parametrize(
    ("names", "passphrase"),
    [
        (["all.pem"], None),
        (["locked.pem"], PASSPHRASE),
        (["open.pfx"], None),
        (["locked.pfx"], PASSPHRASE),
        (["fullchain.pem", "privkey.pem", "root.pem"], None),
        (["root.pem", "privkey.pem", "fullchain.pem"], b"one too many"),
        (["certbot"], None),
        (["all.pem", "foreign.pem"], None),
    ],
)
def test_whatever_holds_chain_and_key(names: list[str], passphrase: bytes | None, folder: Path) -> None:
    secret = Secret(passphrase) if passphrase else None
    material = read_material([folder / name for name in names], secret)
    assert material.chain == BUILT.chain
    assert keys.keys_match(material.server_key, LEAF.public_key())
    if len(names) == 1:
        (group,) = groups_of(folder / names[0], secret)
        assert could_be_staged(read_target(group)), "what the check offers is what is taken"


@pytest.mark.parametrize(
    ("names", "passphrase", "words", "step"),
    [
        (["fullchain.pem", "privkey.pem"], None, "is missing: ENGAGE Root", "accepts several files"),
        (
            ["fullchain.pem", "root.pem"],
            None,
            "the private key of the server certificate is missing",
            "engage release stage CHAIN KEY",
        ),
        (["locked.pem"], None, "none was given", "--passphrase-file"),
        (["locked.pem"], b"wrong", "passphrase is wrong", "used for the export"),
        (["locked.pfx"], b"wrong", "passphrase is wrong", "used for the export"),
        (["all.pem", "other.pem"], None, "not part of the chain", "only the certificates"),
        (["."], None, "more than one chain", "Name one"),
        (["privkey.pem"], None, "a private key but no certificate", "chain"),
        (["gone.pem"], None, "no such file", "Name a file"),
    ],
)
def test_what_is_missing_is_named(
    names: list[str], passphrase: bytes | None, words: str, step: str, folder: Path
) -> None:
    secret = Secret(passphrase) if passphrase else None
    with pytest.raises(EngageError) as caught:
        read_material([folder / name for name in names], secret)
    assert words in caught.value.sentence
    assert step in caught.value.next_step


def test_a_foreign_key_is_handed_on_for_the_checks_to_refuse(folder: Path) -> None:
    material = read_material([folder / "fullchain.pem", folder / "foreign.pem", folder / "root.pem"])
    assert not keys.keys_match(material.server_key, LEAF.public_key())
    (folder / "wrong.pem").write_bytes(keys.private_key_pem(key(0)).reveal() + PEM)
    (group,) = groups_of(folder / "wrong.pem")
    assert not could_be_staged(read_target(group))


def test_a_folder_of_ours_takes_a_passphrase_for_the_servers_key(tmp_path: Path) -> None:
    files = {
        "partner_CA.pem": encodings.pem([ROOT]),
        "partner_intermediate.pem": encodings.pem([INTERMEDIATE]),
        "partner_server.pem": FULL,
        "partner_server.key": LOCKED_KEY,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert read_material([tmp_path], Secret(PASSPHRASE)).chain == BUILT.chain
    with pytest.raises(EngageError, match="is encrypted") as caught:
        read_material([tmp_path])
    assert "--passphrase-file" in caught.value.next_step
