"""Commands that are printed can be pasted: they carry the settings file that this run was given."""

import re
from pathlib import Path

import pytest

from engage_server.cli.output import print_wrapped
from engage_server.cli.program import NO_BREAK, pasteable, program, remember_config, unbroken
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


def test_a_command_in_a_wrapped_sentence_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    mend = 'Let its operator activate it: engage sim set --site demo-depot --to ACTIVE --reason "as said". Then look.'
    print_wrapped(f"  do: {unbroken(mend)}", "    ")
    lines = capsys.readouterr().out.splitlines()
    assert any('sim set --site demo-depot --to ACTIVE --reason "as said".' in line for line in lines)
    print_wrapped(f"  do: {pasteable(mend)}", "    ")
    apart = capsys.readouterr().out.splitlines()
    assert not any('--site demo-depot --to ACTIVE --reason "as said".' in line for line in apart), "without it"


@pytest.mark.parametrize(
    ("sentence", "whole"),
    [
        ("See who: engage device show 0A0B --site x. Then wait.", "device show 0A0B --site x"),
        ("Plan it: engage rotate plan --site main", "rotate plan --site main"),
        ("Try engage status, and look again later at it", "status"),
    ],
)
def test_what_follows_a_command_may_break(sentence: str, whole: str) -> None:
    kept = unbroken(sentence)
    assert whole.replace(" ", NO_BREAK) in kept
    assert " " in kept.partition(whole.replace(" ", NO_BREAK))[2] or sentence.endswith(whole)
