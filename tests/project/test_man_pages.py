"""The man pages: one for each command and group, with all of its help, in a form that readers of man pages accept."""

import shutil
import subprocess
from datetime import date
from pathlib import Path

import click
import pytest

from engage_server import __version__
from tests.project.documentation import commands
from tests.project.man_pages import man_pages

_DAY = date(2026, 11, 26)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return man_pages(_DAY)


def _lint(folder: Path, pages: dict[str, str]) -> str:
    for name, content in pages.items():
        (folder / name).write_text(content, encoding="utf-8")
    command = ["mandoc", "-T", "lint", "-W", "warning", *(str(folder / name) for name in pages)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_each_command_and_each_group_has_a_page(pages: dict[str, str]) -> None:
    names = {name for name, _ in commands()}
    groups = {name.rpartition(" ")[0] for name in names}
    assert set(pages) == {f"{name.replace(' ', '-')}.1" for name in names | groups}


def test_a_page_has_every_option_of_its_command(pages: dict[str, str]) -> None:
    for name, command in commands():
        page = pages[f"{name.replace(' ', '-')}.1"].replace("\\-", "-")
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(spelled in page for spelled in (*parameter.opts, *parameter.secondary_opts)), name
        assert "-h, --help" in page


def test_a_page_says_which_version_and_day_it_is_of(pages: dict[str, str]) -> None:
    heading = f'.TH ENGAGE-CHAIN-CHECK 1 2026-11-26 "engage-server {__version__}" "engage-server"'
    assert pages["engage-chain-check.1"].splitlines()[0] == heading


def test_lines_that_are_shown_as_they_are_stay_so(pages: dict[str, str]) -> None:
    example = "  engage chain check certs/main \\-\\-host locks.example.org\n"
    verbatim = pages["engage-chain-check.1"].split(".nf\n", 1)[1].split(".fi\n", 1)[0]
    assert example in verbatim
    assert "Examples:" not in verbatim


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_has_nothing_to_say(tmp_path: Path, pages: dict[str, str]) -> None:
    assert _lint(tmp_path, pages) == ""


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_what_is_wrong(tmp_path: Path, pages: dict[str, str]) -> None:
    """The negative control."""
    assert "unknown macro" in _lint(tmp_path, {"a.1": pages["engage-init.1"] + ".XY\n"}).lower()
