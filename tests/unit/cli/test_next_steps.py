"""Commands that are printed can be pasted: they carry the settings file that this run was given."""

import re
from pathlib import Path

import pytest

from engage_server.cli.program import pasteable, program, remember_config
from engage_server.cli.root import COMMANDS
from tests.support.commands import engage, ok
from tests.support.installation import make_installation


@pytest.fixture(autouse=True)
def _afterwards_without_a_file() -> object:
    yield
    remember_config(None)


def test_every_command_is_found_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.cli.program.shutil.which", lambda _name: "/usr/bin/engage")
    for name in COMMANDS:
        remember_config(None)
        assert pasteable(f"Look: engage {name}") == f"Look: engage {name}"
        remember_config(Path("/etc/e.toml"))
        assert pasteable(f"Look: engage {name}") == f"Look: engage --config /etc/e.toml {name}"


def test_what_is_no_command_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.cli.program.shutil.which", lambda _name: "/usr/bin/engage")
    remember_config(Path("/etc/my settings.toml"))
    assert program() == "engage --config '/etc/my settings.toml'"
    for sentence in ("engage locks", "/opt/engage status", f"{program()} status", "engage-server serve"):
        assert pasteable(sentence) == sentence


def test_next_steps_act_on_the_same_installation(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    make_installation(folder)
    config = folder / "engage.toml"
    for command in (
        ("status",),
        ("site", "list"),
        ("release", "show", "9"),
        ("rotate", "abort"),
        ("site", "show", "x"),
    ):
        done = engage(tmp_path, "--config", config, *command)
        printed = re.findall(r"^next: .*", done.stdout + done.stderr, re.MULTILINE)
        assert printed, command
        for step in printed:
            assert "engage" not in step or f"--config {config}" in step, step


def test_a_next_step_can_be_run_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    make_installation(folder)
    shown = ok(engage(tmp_path, "--config", folder / "engage.toml", "site", "list"))
    (step,) = re.findall(r"^next: (?:\S*engage) (.*)", shown, re.MULTILINE)
    assert "hosts" in ok(engage(tmp_path, *step.replace("NAME", "main").split()))
