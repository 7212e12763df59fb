"""The keys of a slot, and which of them stop the start."""

from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.m2u.slots import read_slots
from engage_server.links.registry.links_file import read_links_file
from engage_server.pki.encodings import pem
from tests.support.chains import good_chain
from tests.support.m2u import Slots, secret_file

LINK = '[links.plant]\nsite = "plant"\npartner = "m2u"\nslot = "plant"\nlogin_file = "plant.login"\n'


def test_both_kinds_of_logins_or_none_are_refused(tmp_path: Path) -> None:
    secret_file(tmp_path / "all.logins", "d:u:p")
    for keys in ({"login_file": None}, {"login_file": "plant.login", "logins_file": "all.logins"}):
        with pytest.raises(SettingsInvalid):
            Slots(tmp_path, **keys)
    assert Slots(tmp_path, logins_file="all.logins").slot.logins.are_of_devices
    assert not Slots(tmp_path).slot.logins.are_of_devices


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"slot": "a/b"}, "slot: it must be letters"),
        ({"login_in": "header"}, "login_in: it must be one of"),
        ({"identity": "none"}, "identity: it must be one of"),
        ({"accounts": {"acme": "ewon-1"}}, "acme: it must be a list"),
        ({"accounts": {}}, "accounts: no account is allowed"),
        ({"client_certificates": "required"}, "Did you mean client_certificate?"),
        ({"destination": "x"}, "there is no key destination"),
        ({"login_file": "none.login"}, "none.login: cannot read it"),
    ],
)
def test_wrong_keys_stop_the_start(tmp_path: Path, keys: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Slots(tmp_path, **keys)
    assert sentence in caught.value.sentence


def test_a_login_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    secret_file(tmp_path / "open.login", "u:p").chmod(0o644)
    with pytest.raises(SettingsInvalid, match="other users may read"):
        Slots(tmp_path, login_file="open.login")


def test_a_certificate_that_no_host_asks_for_stops_the_start(tmp_path: Path) -> None:
    secret_file(tmp_path / "plant.login", "u:p")
    (tmp_path / "links.pem").write_bytes(pem([good_chain().chain.server]))
    host = '[hosts."a.example"]\ncertificate_file = "links.pem"\nkey_file = "k"\nserves = ["m2u"]\n'
    asks = 'client_certificates = "optional"\nclient_ca_file = "links.pem"\n'
    link = LINK + 'identity = "optional"\nclient_certificate = "required"\n'
    file = tmp_path / "links.toml"
    file.write_text(host + asks + link)
    assert len(read_slots(read_links_file(file, "127.0.0.1", 443)).slots) == 1
    file.write_text(host + link)
    with pytest.raises(SettingsInvalid, match="no host that serves m2u asks"):
        read_slots(read_links_file(file, "127.0.0.1", 443))
