"""What people read: tables that stay tables whatever stands in them, and colours on a terminal alone."""

import io
import sys

import pytest

from engage_server.cli.output import console, print_json, print_json_list, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_stand_below_each_other_whatever_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "end"], [("門", 1), ("e\u0301", 2), ("[bold]:x:", None)], "")
    assert capsys.readouterr().out.splitlines() == [
        "name       end",
        "門         1",  # two columns of a terminal
        "e\u0301          2",  # one
        "[bold]:x:  None",
    ]


def test_a_name_can_not_make_a_line_or_a_colour(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [("a\nb\x1b[31mc\u202e",)], "")
    console().print("x\ry", style="bold red", end="")
    assert capsys.readouterr().out == "name\na\ufffdb\ufffd[31mc\ufffd\nx\ufffdy"


def test_an_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [], "there is none")
    assert capsys.readouterr().out == "there is none\n"


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, "\x1b[31m\x1b[1mbad\x1b[0m \x1b[2mdim\x1b[0m"),
        ({"NO_COLOR": "1"}, "bad dim"),
        ({"TERM": "dumb"}, "bad dim"),
    ],
)
def test_colours(environment: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    console().print("bad", style="bold red", end=" ")
    console().print("dim", style="dim", end="")
    assert terminal.getvalue() == shown


@pytest.mark.parametrize("values", [[], [{}], [{"a": "\u00fc\n", "b": [1, {"c": None}]}, {"a": {}}]])
def test_an_array_item_by_item_is_what_the_whole_array_would_be(
    values: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    print_json(values)
    whole = capsys.readouterr().out
    print_json_list(iter(values))
    assert capsys.readouterr().out == whole


def test_rows_after_those_that_were_measured_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_server.cli.output._ROWS_MEASURED", 2)
    print_table(["name", "end"], [("a", 1), ("bb", 2), ("much longer", 3), ("c", 4)], "")
    assert capsys.readouterr().out.splitlines() == ["name  end", "a     1", "bb    2", "much longer  3", "c     4"]
