"""How the reader of a next step calls this program, so that printed commands can be pasted."""

import re
import shlex
import shutil
import sys
from contextvars import ContextVar
from functools import cache
from pathlib import Path

NO_BREAK = "\u00a0"  # what wraps text breaks at ASCII spaces only
# a command with its options and their values, and identities after it; of prose, a word or two more do no harm
_CALL = re.compile(
    r"""(?<![\w.-])(?:python\S*[ ]-m[ ]engage_server|(?:\S*/)?engage)(?:[ ]--config[ ](?:'[^']*'|\S+))?
    (?:[ ][a-z][a-z-]*){1,2}
    (?:[ ](?:--[a-z-]+(?:[ ](?:"[^"]*"|[^\s-]\S*))?|[A-Z0-9./]\S*(?<![.,])))*""",
    re.VERBOSE,
)
_config: ContextVar[Path | None] = ContextVar("config", default=None)


def remember_config(config: Path | None) -> None:
    """Every command that is printed from now on carries this settings file. With None, it carries none."""
    _config.set(config and config.absolute())  # so that a command can be pasted in any folder


def program() -> str:
    """This program, and the settings file that this run was given."""
    config = _config.get()
    return _name() if config is None else f"{_name()} --config {shlex.quote(str(config))}"


def pasteable(sentence: str) -> str:
    """The sentence, with each ``engage COMMAND`` in the form in which the reader can call it."""
    called = program()
    return sentence if called == "engage" else _commands().sub(lambda _found: f"{called} ", sentence)


def unbroken(sentence: str) -> str:
    """A pasteable sentence, of whose commands no line can break a word from its neighbour: see ``print_wrapped``."""
    return _CALL.sub(lambda found: found[0].replace(" ", NO_BREAK), pasteable(sentence))


@cache
def _commands() -> re.Pattern[str]:
    from engage_server.cli.root import COMMANDS  # which imports what prints

    return re.compile(r"(?<![\w/.-])engage (?=(?:" + "|".join(COMMANDS) + r")\b)")


def _name() -> str:
    if shutil.which("engage"):
        return "engage"
    called = Path(sys.argv[0])
    if called.name != "engage":
        return f"{Path(sys.executable).name} -m engage_server"
    path, here = called.absolute(), Path.cwd()
    is_below = path.is_relative_to(here) and here != Path(here.anchor)
    return str(path.relative_to(here) if is_below else path)
