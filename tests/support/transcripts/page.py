"""What a page is made of: text, blocks of commands, and comments that no reader sees."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MARK = r"<!-- (?P<kind>begins with|meanwhile|not run): (?P<what>.+?) -->\n"
_BLOCK = r"```(?P<language>[a-z]*)\n(?P<content>.*?)^```\n"
_PART = re.compile(rf"^(?:{_MARK}|{_BLOCK})", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_CONSOLE, _TEXT = "console", "text"
_PROMPT = "$ "
_HERE_DOCUMENT = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)")


class PageInvalid(ValueError):
    """A page that is not written as its readers, and this runner, need it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A comment of the page's source.

    Attributes:
        kind: ``begins with``, ``meanwhile`` or ``not run``.
        what: The rest of it.
    """

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what it prints.

    Attributes:
        lines: As they stand on the page. Only the first has a prompt, so that all can be pasted.
        output: With its last line's end; "" for none.
    """

    lines: str
    output: str

    @property
    def text(self) -> str:
        """Without the prompt, as a shell reads it."""
        return self.lines.removeprefix(_PROMPT).removesuffix("\n")

    @property
    def goes_on(self) -> bool:
        """Whether the next line belongs to it as well: it continues this one, or is of a here-document."""
        first, *rest = self.text.splitlines()
        here = _HERE_DOCUMENT.search(first)
        if here is not None:
            return here["end"] not in rest
        return self.text.endswith("\\")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: ``console`` is run; ``text`` holds no command; any other language is not run, and says why.
        content: All lines.
        not_run: Why it is not run; "" where it is, or holds no command.
    """

    language: str
    content: str
    not_run: str = ""

    @property
    def is_run(self) -> bool:
        """Whether its commands are run."""
        return self.language == _CONSOLE and not self.not_run


def parts_of(page: str) -> Iterator[str | Mark | Block]:
    """The parts of a page, in order; joined by :func:`written`, they are the page.

    Raises:
        PageInvalid: A block neither is run nor says why not, a mark belongs to nothing, or a fence is not seen.
    """
    end, reason = 0, ""
    for found in _PART.finditer(page):
        between = page[end : found.start()]
        if reason and (between.strip() or found["kind"]):
            raise PageInvalid(f"'not run: {reason}' stands in front of no block")
        if between:
            yield _prose(between)
        end = found.end()
        if found["kind"]:
            yield Mark(found["kind"], found["what"])
            reason = found["what"] if found["kind"] == "not run" else ""
        else:
            yield _block(found["language"], found["content"], reason)
            reason = ""
    if reason:
        raise PageInvalid(f"'not run: {reason}' stands in front of no block")
    if page[end:]:
        yield _prose(page[end:])


def written(part: str | Mark | Block) -> str:
    """A part as it stands on the page."""
    if isinstance(part, Mark):
        return f"<!-- {part.kind}: {part.what} -->\n"
    return f"```{part.language}\n{part.content}```\n" if isinstance(part, Block) else part


def commands_of(content: str) -> Sequence[Command]:
    """The commands of a block that is run.

    Raises:
        PageInvalid: It begins with output.
    """
    commands: list[Command] = []
    for line in content.splitlines(keepends=True):
        last = commands[-1] if commands else None
        if last is not None and not last.output and last.goes_on:
            commands[-1] = Command(last.lines + line, "")
        elif line.startswith(_PROMPT):
            commands.append(Command(line, ""))
        elif last is None:
            raise PageInvalid(f"output of no command: {line.rstrip()}")
        else:
            commands[-1] = Command(last.lines, last.output + line)
    return commands


def _prose(text: str) -> str:
    if _FENCE.search(text):
        raise PageInvalid(
            f"a fence that is not seen: indented, not closed, or of another kind, in {text.strip()[:60]!r}"
        )
    return text


def _block(language: str, content: str, reason: str) -> Block:
    block = Block(language, content, reason)
    shows_commands = any(line.startswith(_PROMPT) for line in content.splitlines())
    if language == _TEXT and (shows_commands or reason):
        raise PageInvalid(f"commands in a block of text: {content.splitlines()[0]!r}")
    if language not in (_CONSOLE, _TEXT) and not reason:
        raise PageInvalid(f"a block of {language or 'no language'!r} that does not say why it is not run")
    if block.is_run and not shows_commands:
        raise PageInvalid("a block that is run, without a command")
    return block
