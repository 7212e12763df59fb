"""A table is read as its dataclass says, and every other key or value stops the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.files.toml_table import Between, Matching, Where, read_table
from engage_server.records import IPNetwork

WHERE = Where(Path("/etc/engage-server/links.toml"), "links.depot-kpn")


@dataclass(frozen=True)
class Login:
    """A table in a table."""

    user: str


@dataclass(frozen=True)
class Every:
    """Each kind of value once."""

    secret_file: Path
    slot: Annotated[str, Matching(r"[a-z]+", "letters")] = "a"
    success_status: Annotated[int, Between(200, 299)] = 200
    minutes: float = 1.0
    is_open: bool = False
    login_in: Literal["basic", "form"] = "basic"
    network: IPNetwork | None = None
    networks: tuple[IPNetwork, ...] = ()
    words: tuple[str, ...] = ()
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    login: Login | None = None
    other_file: Path | None = None


def read(**keys: object) -> Every:
    return read_table(Every, {"secret_file": "kpn.secret", **keys}, WHERE)


def test_each_kind_of_value_is_read() -> None:
    found = read(
        slot="plant",
        success_status=204,
        minutes=5,
        is_open=True,
        login_in="form",
        network="10.0.0.0/8",
        networks=["10.151.0.0/16", "::1/128"],
        words=["a", "b"],
        accounts={"acme": ["one"], "other": []},
        login={"user": "u"},
        other_file="/srv/x",
    )
    assert found == Every(
        Path("/etc/engage-server/kpn.secret"),
        "plant",
        204,
        5.0,
        True,
        "form",
        ip_network("10.0.0.0/8"),
        (ip_network("10.151.0.0/16"), ip_network("::1/128")),
        ("a", "b"),
        {"acme": ("one",), "other": ()},
        Login("u"),
        Path("/srv/x"),
    )


def test_what_is_not_given_has_its_default() -> None:
    assert read() == Every(Path("/etc/engage-server/kpn.secret"))


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"secretfile": "x"}, "there is no key secretfile. Did you mean secret_file?", "The keys here are"),
    ({"zzz": "x"}, "there is no key zzz.", "The keys here are secret_file, slot"),
    ({"slot": 3}, "slot: it must be text", 'slot = "..."'),
    ({"slot": ""}, "slot: it must be text that is not empty", 'slot = "..."'),
    ({"slot": "A"}, "slot: it must be letters", "Correct the value of slot."),
    ({"slot": "a\n"}, "slot: it must be letters", "Correct"),
    ({"success_status": 404}, "success_status: it must be a number from 200 to 299", "Correct"),
    ({"success_status": True}, "success_status: it must be a whole number", "Correct"),
    ({"success_status": "200"}, "success_status: it must be a whole number", "Correct"),
    ({"minutes": "5"}, "minutes: it must be a number", "Correct"),
    ({"is_open": 1}, "is_open: it must be true or false", "Correct"),
    ({"login_in": "basc"}, "login_in: it must be one of: basic, form. Did you mean basic?", "Choose one of"),
    ({"login_in": 1}, "login_in: it must be one of", "Choose one of"),
    ({"network": "10.0.0.1/8"}, "network: it must be a network without host bits", "10.151.0.0/16"),
    ({"networks": "10.0.0.0/8"}, "networks: it must be a list", "networks = [...]"),
    ({"networks": ["ten"]}, "networks: it must be a network", "10.151.0.0/16"),
    ({"words": ["a", 1]}, "words: it must be text", "words"),
    ({"accounts": []}, "accounts: it must be a table", "[links.depot-kpn.accounts]"),
    ({"accounts": {"acme": "one"}}, "acme: it must be a list", "acme = [...]"),
    ({"login": {"usr": "u"}}, "[links.depot-kpn.login]: there is no key usr. Did you mean user?", "Remove it."),
    ({"login": {}}, "[links.depot-kpn.login]: the key user is missing", "user = ..."),
    ({"other_file": "a\0b"}, "other_file: it must be a path", "Correct"),
]


@pytest.mark.parametrize(("keys", "sentence", "fix"), WRONG, ids=lambda each: str(each)[:30])
def test_anything_else_stops_the_start(keys: dict[str, object], sentence: str, fix: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(**keys)
    assert sentence in caught.value.sentence
    assert caught.value.sentence.startswith("/etc/engage-server/links.toml: [links.depot-kpn")
    assert fix in caught.value.next_step


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="the key secret_file is missing"):
        read_table(Every, {}, WHERE)


def test_no_value_is_repeated() -> None:
    """A secret that stands in the wrong place, or has the wrong form, stays out of the log."""
    for key in ("slot", "success_status", "minutes", "is_open", "login_in", "network", "networks", "login", "secret"):
        with pytest.raises(SettingsInvalid) as caught:
            read(**{key: "S3cr3t!S3cr3t!"})
        assert "S3cr3t" not in caught.value.sentence + caught.value.next_step
