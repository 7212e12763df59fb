"""Options and names mean the same in every command."""

import json
from pathlib import Path

import click
import pytest

from engage_server.as_json.devices import device_json
from engage_server.records import DeviceHistory, Grade
from engage_server.services.evidence.device_view import DeviceView
from tests.project.documentation import commands
from tests.support.chains import NOW
from tests.support.commands import engage, ok

_SERIAL = "0000000000000000A0B1000000000206"


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_site_is_never_required(name: str, command: click.Command) -> None:
    assert not [each for each in command.params if "--site" in each.opts and each.required]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_json_has_both_spellings(name: str, command: click.Command) -> None:
    options = {option for each in command.params for option in each.opts}
    assert ("--json" in options) == ("--format" in options)


def test_devices_go_to_the_default_site(installation: Path) -> None:
    assert "belongs to main" in ok(engage(installation, "device", "add", _SERIAL))
    (installation / "doors.csv").write_text(f"{_SERIAL[:-1]}7\n")
    told = json.loads(ok(engage(installation, "device", "import", "doors.csv", "--json")))
    assert (told["site"], told["added"]) == ("main", 1)


def test_release_list_is_of_all_sites(installation: Path) -> None:
    help_text = ok(engage(installation, "release", "list", "--help"))
    assert "[default: all sites]" in help_text


def test_a_thing_has_one_name_in_json_and_its_old_one(installation: Path) -> None:
    (site,) = json.loads(ok(engage(installation, "site", "list", "--json")))
    assert site["site"] == site["name"] == "main"
    (release,) = json.loads(ok(engage(installation, "release", "list", "--json")))
    assert (release["site"], release["release"], release["number"]) == ("main", 1, 1)
    ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    (rotation,) = json.loads(ok(engage(installation, "rotate", "status", "--json")))
    assert rotation["rotation"] == rotation["number"] == 1


def test_devices_have_the_same_keys_whether_they_were_seen_or_not() -> None:
    history = DeviceHistory("main", _SERIAL, NOW, NOW, 1, NOW)
    seen = DeviceView("main", _SERIAL, history, Grade.NOTICE, 0, None)
    unseen = DeviceView("main", _SERIAL, None, None, None, None)
    assert list(device_json(seen)) == list(device_json(unseen))


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (DeviceView("a", "b", None, Grade.NEVER_SEEN, None, None), "never seen"),
        (DeviceView("a", "b", DeviceHistory("a", "b", NOW, NOW, 1, NOW), Grade.NEVER_SEEN, 0, None), "not yet"),
        (DeviceView("a", "b", DeviceHistory("a", "b", NOW, NOW, 1, NOW), Grade.HANDSHAKE, 0, None), "finished TLS"),
        (DeviceView("a", "b", None, None, None, None), ""),
    ],
)
def test_what_was_seen_with_another_release_is_not_called_never_seen(view: DeviceView, words: str) -> None:
    assert view.grade_words == words


def states_shown(folder: Path) -> list[str]:
    """The column of states."""
    states = {"staged", "current", "former", "retired"}
    rows = ok(engage(folder, "release", "list")).splitlines()[1:]
    return [word for row in rows if row.startswith("main ") for word in row.split() if word in states]


def test_a_release_is_former_as_long_as_its_key_exists(installation: Path) -> None:
    ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    assert states_shown(installation) == ["former", "current"]
    ok(engage(installation, "rotate", "abort", "--keep"))
    ok(engage(installation, "release", "retire", "1", "--yes"))
    assert states_shown(installation) == ["retired", "current"]
    states = [each["state"] for each in json.loads(ok(engage(installation, "release", "list", "--json")))]
    assert states == ["retired", "current"], "what scripts read has not changed"
