"""A command that fails: one form of text for people, and JSON beside it for scripts that asked for JSON."""

import json
from pathlib import Path

import pytest

from engage_server.cli.process.failures import wants_json
from tests.support.commands import ENGAGE, engage, ok
from tests.support.refusals import error


@pytest.mark.parametrize(
    ("arguments", "sentence", "step"),
    [
        (("statsu",), "no such command 'statsu'", "Did you mean status? See engage --help"),
        (("chian",), "no such command 'chian'", "Did you mean chain? See"),
        (("chain", "chekk"), "no such command 'chekk'", "Did you mean check? See engage chain --help"),
        (("rotate", "startt"), "no such command 'startt'", "Did you mean start or status? See engage rotate --help"),
        (("qqqqqq",), "no such command 'qqqqqq'", "next: engage --help"),
        (("status", "--jsn"), "no such option '--jsn'", "Did you mean --json? See engage status --help"),
        (("chain", "build", "x"), "missing option '--host'", "next: engage chain build --help"),
        (("completion",), "missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n", "completion --help"),
        (("chain", "renew", "x", "--from", "y"), "missing option '--way'. Choose from: server-renewal, ", "--help"),
        (("site", "show"), "missing argument 'NAME'", "next: engage site show --help"),
        (
            ("chain", "check", "x", "--warn-days", "21d"),
            "invalid value for '--warn-days': '21d' is not a whole number\n",
            "check --help",
        ),
        (
            ("lock", "fetch", "x", "--timeout", "soon"),
            "invalid value for '--timeout': 'soon' is not a number\n",
            "fetch --help",
        ),
        (("chain", "check", "x", "--at", "soon"), "invalid value for '--at'", "next: engage chain check --help"),
    ],
)
def test_wrong_usage_is_reported_as_every_other_error_is(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, step: str
) -> None:
    done = engage(tmp_path, *arguments)
    error(done, 2, f"error [usage]: {sentence}", step.replace("engage ", f"{ENGAGE} "))
    assert "Usage:" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("form", [("--json",), ("--format", "json"), ("--format=json",)])
@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("status",), 3, "store.not_usable"),
        (("status", "--oops"), 2, "usage"),
        (("rotate", "startt"), 2, "usage"),
        (("chain", "show", "gone"), 3, "file.not_usable"),
    ],
)
def test_who_asked_for_json_gets_the_error_as_json_too(
    tmp_path: Path, arguments: tuple[str, ...], form: tuple[str, ...], status: int, code: str
) -> None:
    done = engage(tmp_path, *arguments, *form)
    error(done, status)
    told = json.loads(done.stdout)["error"]
    assert (told["code"], told["exit_status"]) == (code, status)
    assert f"error [{code}]: {told['sentence']}" in done.stderr
    assert told["next_step"]


def test_without_json_standard_output_stays_empty(tmp_path: Path) -> None:
    assert engage(tmp_path, "status").stdout == ""


def test_after_a_report_no_second_document_follows(tmp_path: Path) -> None:
    """A script reads one document: here the report itself says what could not be read."""
    done = engage(tmp_path, "chain", "check", "gone.pem", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["totals"] | {"error": 1, "not_read": 1} == json.loads(done.stdout)["totals"]
    good = Path(__file__).parents[3] / "docs" / "examples" / "good"
    done = engage(tmp_path, "chain", "check", good, "--at", "2026-11-14T12:00", "--ignore", "validity", "--json")
    totals = json.loads(done.stdout)["totals"]
    assert (totals["not_read"], totals["skipped"], totals["ignored"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("a", "--json"), True),
        (("a", "--format", "json"), True),
        (("a", "--format=json"), True),
        (("a", "--format", "sarif"), False),
        (("a", "json", "--format"), False),
        (("a", "--", "--json"), False),
        ((), False),
    ],
)
def test_which_arguments_ask_for_json(arguments: tuple[str, ...], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


def test_both_spellings_of_json_give_the_same(tmp_path: Path) -> None:
    good = Path(__file__).parents[3] / "docs" / "examples" / "good"
    at = ("--at", "2026-12-01")
    by_format = ok(engage(tmp_path, "chain", "check", good, *at, "--format", "json"))
    assert ok(engage(tmp_path, "chain", "check", good, *at, "--json")) == by_format
    settings = ok(engage(tmp_path, "settings", "--json"))
    assert ok(engage(tmp_path, "settings", "--format", "json")) == settings
    assert ok(engage(tmp_path, "settings", "--format", "text")) != settings
    error(engage(tmp_path, "settings", "--format", "xml"), 2, "'xml' is not one of 'text', 'json'")
