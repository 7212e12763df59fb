"""Commands that pages and messages name, without running them, exist with the options that stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from tests.project.documentation import commands
from tests.support.checkout import ROOT
from tests.support.messages import FIELD, messages

_PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")})
_LEFT_OUT = {"CHANGELOG.md", "commands.md"}  # history; and what is read off the program
_CALLED = re.compile(r"(?:^|[\s/;|(])engage (?!engage )((?:[^;|#`\n]|\\\n)*)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_WORD = re.compile(r"[a-z][a-z-]*")


def named(page: str) -> Iterator[str]:
    """What follows ``engage`` in code: in lines, and in blocks but for what commands print."""
    for token in MarkdownIt("commonmark").enable("table").parse(page):
        for code in (token, *(token.children or [])):
            if code.type in ("fence", "code_inline"):
                prompts = "\n".join(re.findall(r"^(?:\$|>) (.*)$", code.content, re.MULTILINE))
                yield from _CALLED.findall(prompts if code.info == "console" else code.content)


def fault(called: str, known: dict[str, click.Command]) -> str:
    """What is wrong with a call; "" for nothing, or for what is no call."""
    words = called.split()
    name = next((found for n in (3, 2, 1) if (found := " ".join(words[:n])) in known), None)
    if name is None:
        groups = {each.rpartition(" ")[0] for each in known if " " in each}
        is_call = len(words) > 0 and _WORD.fullmatch(words[0]) and " ".join(words) not in groups
        return f"no such command: engage {called}" if is_call else ""
    options = {option for each in known[name].params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    unknown = sorted({*_OPTION.findall(called)} - options)
    return f"engage {name} has no option {', '.join(unknown)}" if unknown else ""


@pytest.fixture(scope="module")
def known() -> dict[str, click.Command]:
    return {name.removeprefix("engage "): command for name, command in commands()}


@pytest.mark.parametrize(
    "page", [each for each in _PAGES if each.name not in _LEFT_OUT], ids=lambda page: str(page.relative_to(ROOT))
)
def test_pages_name_commands_that_exist(page: Path, known: dict[str, click.Command]) -> None:
    assert [found for each in named(page.read_text(encoding="utf-8")) if (found := fault(each, known))] == []


def test_what_does_not_exist_is_found(known: dict[str, click.Command]) -> None:
    page = "`engage site chance x`, `engage status --verbos`\n```\nsudo engage lock --all\n/bin/engage statsu\n```\n"
    page += "`engage kpn device lists`, `engage kpn device list --all`\n"
    assert [bool(fault(each, known)) for each in named(page)] == [True] * 6


def test_what_exists_passes(known: dict[str, click.Command]) -> None:
    page = (
        "`engage rotate start --site x --way WAY`, `engage --help`, `engage.kek`, `podman exec engage engage status`\n"
        "```console\n$ engage status --json | engage-other --no\nnext: engage no such --thing\n```\n"
        "`engage kpn device list --json`, `engage kpn device`\n"
    )
    assert len([*named(page)]) == 6
    assert [fault(each, known) for each in named(page)] == [""] * 6


def faults_of_message(message: str, known: dict[str, click.Command]) -> list[str]:
    """Commands in a sentence that cannot be pasted: an option, or a bare value, that the command does not take."""
    found = []
    for called in _CALLED.findall(message):
        words = re.split(r"[.,:;)'\"]*(?:\s+|$)", called.partition(". ")[0])
        name = next((each for n in (3, 2) if (each := " ".join(words[:n])) in known), None)
        if name is None:
            continue
        takes_values = any(isinstance(each, click.Argument) for each in known[name].params)
        if not takes_values and words[len(name.split()) :][:1] == [FIELD]:
            found.append(f"engage {name} takes no bare value: {called}")
        if any(part.startswith("--") for part in words) and (wrong := fault(" ".join(words), known)):
            found.append(wrong)
    return found


def test_messages_name_commands_that_can_be_pasted(known: dict[str, click.Command]) -> None:
    assert [each for message in messages() for each in faults_of_message(message, known)] == []


def test_what_cannot_be_pasted_is_found(known: dict[str, click.Command]) -> None:
    wrong = ("Renew it now: engage rotate plan N", "See: engage rotate status N.", "Try engage audit verify --agan N.")
    right = ("Plan it: engage rotate plan --site N", "Look: engage device show N. Then N.", "engage rotate plan now")
    assert [len(faults_of_message(each, known)) for each in (*wrong, *right)] == [1, 1, 1, 0, 0, 0]
