"""The runner of pages: what it runs, and what it does not let pass."""

from pathlib import Path

import pytest

from tests.support.transcripts.page import Block, PageInvalid, commands_of, parts_of, written
from tests.support.transcripts.playing import (
    CommandFailed,
    Ended,
    beginning_of,
    commands_run,
    difference,
    not_run,
    played,
)
from tests.support.transcripts.shell import Shell

_BEGINNING = "# Title\n\n<!-- begins with: nothing -->\n\n"


class Bare:
    """A stage with a shell alone."""

    def __init__(self, folder: Path, *, times_vary: bool = False) -> None:
        self._shell = Shell(folder)
        self.times_vary = times_vary
        self.happened: list[str] = []

    def run(self, command: str) -> Ended:
        return self._shell.run(command)

    def happen(self, what: str) -> None:
        self.happened.append(what)


@pytest.fixture
def stage(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def console(content: str) -> str:
    return f"```console\n{content}```\n"


def test_a_page_with_the_real_output_stays_as_it_is(stage: Bare) -> None:
    page = _BEGINNING + console("$ echo one\none\n$ printf 'a\\nb\\n' | sort -r\nb\na\n") + "\nText.\n"
    real = played(page, stage)
    assert real == page
    assert difference(page, real, stage) == ""


def test_another_output_is_found_and_written(stage: Bare) -> None:
    page = _BEGINNING + console("$ echo one\ntwo\n")
    real = played(page, stage)
    assert "-two\n+one\n" in difference(page, real, stage)
    assert real == page.replace("two", "one")


def test_a_command_that_fails_fails_its_page_unless_it_shows_that(stage: Bare) -> None:
    with pytest.raises(CommandFailed, match="ended with 3"):
        played(console("$ exit 3\n"), stage)
    shown = console("$ (exit 3); echo $?\n3\n")
    assert played(shown, stage) == shown


def test_commands_share_the_folder_and_several_lines_are_one_command(stage: Bare) -> None:
    page = console("$ cat > a <<'END'\nx = 1\nEND\n$ cat a\nx = 1\n")
    assert played(page, stage) == page
    assert [each.text for each in commands_of("$ echo a \\\nb\na b\n> c\n")] == ["echo a \\\nb"]


def test_engage_runs_here_with_pipes_files_and_status(stage: Bare, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x\n")
    shown = played(
        console(
            "$ engage --version | sed 's/ .*//'\n"
            "$ engage status; echo $?\n"
            "$ engage hash nothing --site-key-file - < key; echo $?\n"
            "$ engage --version > version\n$ cat version | cut -c -6\n"
        ),
        stage,
    )
    assert "| sed 's/ .*//'\nengage-server\n" in shown
    assert "there is no installation here" in shown
    assert shown.count("\n3\n") + shown.count("\n2\n") == 2
    assert shown.endswith("$ cat version | cut -c -6\nengage\n```\n")


def test_a_pipe_hides_no_command_that_could_not_be_run(stage: Bare) -> None:
    with pytest.raises(CommandFailed, match="no installation"):
        played(console("$ engage status | head -1\n"), stage)


@pytest.mark.parametrize(
    "command",
    ["cd a && engage status", "sudo engage status", "engage status && echo", "engage status; true", "engage `id`"],
)
def test_engage_elsewhere_is_refused(stage: Bare, command: str) -> None:
    """Such a command would run in another process, with another clock and another network."""
    with pytest.raises(PageInvalid):
        played(console(f"$ {command}\n"), stage)


def test_what_varies_is_compared_by_its_kind_alone(tmp_path: Path) -> None:
    digest, stage = "0123456789abcdef" * 2, Bare(tmp_path)
    page = console(
        f"$ echo {digest} 65972 MiB SVmELVI2FbVhj6otJbXgHCHzQxo=\n{digest} 65972 MiB SVmELVI2FbVhj6otJbXgHCHzQxo=\n"
    )
    other = page.replace(digest, "f" * 32).replace("SVmELVI2", "AAAAAAAA")
    assert difference(page, other, stage) == ""
    assert difference(page, page.replace("65972", "70000"), stage)
    assert difference(page, page.replace(digest, digest[:-4]), stage)


def test_times_vary_where_the_stage_says_so(tmp_path: Path) -> None:
    page = "ENGAGE Root 2026 seen 2026-11-26 14:07 UTC"
    other = "ENGAGE Root 2027 seen 2027-01-01 03:00:59 UTC"
    assert difference(page, other, Bare(tmp_path, times_vary=True)) == ""
    assert difference(page, other, Bare(tmp_path))


def test_things_happen_between_commands(stage: Bare) -> None:
    played(_BEGINNING + console("$ true\n") + "<!-- meanwhile: a night -->\n" + console("$ true\n"), stage)
    assert stage.happened == ["a night"]


def test_a_block_is_run_or_says_why_not() -> None:
    page = "<!-- not run: no systemd -->\n```console\n$ systemctl\n```\n```text\nno command\n```\n" + console(
        "$ true\n"
    )
    assert not_run(page) == ["no systemd"]
    assert commands_run(page) == ["true"]


def test_what_is_not_run_is_not_run(stage: Bare) -> None:
    page = "<!-- not run: it fails -->\n```console\n$ exit 3\n```\n"
    assert played(page, stage) == page


@pytest.mark.parametrize(
    "page",
    [
        "```\n$ true\n```\n",
        "```sh\ntrue\n```\n",
        "```text\n$ true\n```\n",
        "```console\nno command\n```\n",
        "```console\n$ true\n",
        "  ```console\n  $ true\n  ```\n",
        "~~~\n$ true\n~~~\n",
        "<!-- not run: of nothing -->\n\ntext\n",
        "<!-- not run: of nothing -->\n\ntext\n```console\n$ true\n```\n",
        "<!-- not run: a -->\n<!-- meanwhile: b -->\n```console\n$ true\n```\n",
    ],
    ids=repr,
)
def test_a_block_that_does_neither_is_refused(page: str) -> None:
    with pytest.raises(PageInvalid):
        list(parts_of(page))


def test_output_that_would_end_its_block_is_refused(stage: Bare) -> None:
    with pytest.raises(PageInvalid):
        played(console("$ printf '```'\n"), stage)


def test_a_page_says_once_what_it_begins_with() -> None:
    assert beginning_of(_BEGINNING) == "nothing"
    for page in ("# Title\n", _BEGINNING * 2):
        with pytest.raises(PageInvalid):
            beginning_of(page)


def test_parts_are_the_page() -> None:
    page = _BEGINNING + "<!-- not run: why -->\n```ini\n[a]\n```\n\n" + console("$ true\n") + "end\n"
    parts = list(parts_of(page))
    assert "".join(map(written, parts)) == page
    assert [part.is_run for part in parts if isinstance(part, Block)] == [False, True]


def test_lines_that_go_on_have_no_prompt_so_that_all_can_be_pasted(stage: Bare) -> None:
    content = "$ cat <<'END'\none\n$ two\nEND\none\n$ two\n$ echo a \\\n    b\na b\n"
    assert [each.text for each in commands_of(content)][2:] == ["echo a \\\n    b"]
    page = _BEGINNING + console("$ cat <<'END'\none\n> two\nEND\none\n> two\n$ echo a \\\n    b\na b\n")
    assert played(page, stage) == page


def test_a_line_after_the_command_is_its_output(stage: Bare) -> None:
    page = _BEGINNING + console("$ echo '> one'\n> one\n")
    assert played(page, stage) == page
