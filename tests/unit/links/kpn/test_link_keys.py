"""What links.toml says about a link of KPN."""

from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.kpn.link_keys import KpnKeys, read_keys, read_link
from engage_server.links.registry.links_file import Link
from engage_server.links.registry.table import Where
from engage_server.records import read_network
from tests.support.kpn import DESTINATION_SECRET, DEVICE_SECRET


def link(folder: Path, **rest: Any) -> Link:
    """A link with these keys."""
    return Link("depot-kpn", "depot", "kpn", None, rest, Where(folder / "links.toml").below("links").below("depot-kpn"))


def secret_file(folder: Path, value: bytes) -> str:
    """A file with a secret, and its name."""
    (folder / "k.secret").touch(mode=0o600)
    (folder / "k.secret").write_bytes(value + b"\n")
    return "k.secret"


def test_a_link_needs_none_of_them(tmp_path: Path) -> None:
    assert read_keys(link(tmp_path)) == KpnKeys()
    assert read_link(link(tmp_path)).destination == ""


def test_they_are_read_with_the_secret(tmp_path: Path) -> None:
    name = secret_file(tmp_path, DESTINATION_SECRET.reveal())
    keys = {"destination": "doors", "secret_file": name, "success_status": 204, "private_network": "10.151.0.0/16"}
    found = read_link(link(tmp_path, **keys))
    assert (found.name, found.site, found.destination, found.success_status) == ("depot-kpn", "depot", "doors", 204)
    assert found.secret == DESTINATION_SECRET
    assert found.private_network == read_network("10.151.0.0/16")
    assert DESTINATION_SECRET.reveal().decode() not in repr(found)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"destinations": "doors"}, "Did you mean destination"),
        ({"destination": "doors"}, "needs its secret"),
        ({"secret_file": "k.secret"}, "no destination"),
        ({"destination": "a/b", "secret_file": "k.secret"}, "destination: it must be letters"),
        ({"success_status": 404}, "success_status: it must be a number from 200 to 299"),
        ({"private_network": "10.151.0.1/16"}, "host bits"),
        ({"private_network": "0.0.0.0/0"}, "not private"),
        ({"private_network": "::/0"}, "not private"),
        ({"private_network": "10.0.0.0/7"}, "not private"),
        ({"private_network": "8.8.8.0/24"}, "not private"),
        ({"imei": "123"}, "15 digits"),
        ({"imei": 490154203237518}, "text"),
        ({"device_uuid": "x"}, "a UUID"),
        ({"internet_url": "http://prod.example.org/x"}, "an https address"),
    ],
)
def test_wrong_keys_stop_the_start(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    secret_file(tmp_path, DESTINATION_SECRET.reveal())
    with pytest.raises(SettingsInvalid, match=words) as raised:
        read_link(link(tmp_path, **keys))
    assert "[links.depot-kpn]" in str(raised.value)


def test_a_device_s_secret_is_none_of_a_destination(tmp_path: Path) -> None:
    name = secret_file(tmp_path, DEVICE_SECRET.reveal())
    with pytest.raises(SettingsInvalid, match="no destination secret") as raised:
        read_link(link(tmp_path, destination="doors", secret_file=name))
    assert DEVICE_SECRET.reveal().decode() not in str(raised.value)


def test_a_secret_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    name = secret_file(tmp_path, DESTINATION_SECRET.reveal())
    (tmp_path / name).chmod(0o644)
    with pytest.raises(SettingsInvalid, match="other users"):
        read_link(link(tmp_path, destination="doors", secret_file=name))
