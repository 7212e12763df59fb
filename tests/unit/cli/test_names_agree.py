"""Options and names mean the same in every command."""

import json
from pathlib import Path

import click
import pytest

from tests.project.documentation import commands
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
