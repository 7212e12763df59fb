"""An error escapes line ends in its sentence, because a name may hold one. Lines of our own are its rows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import engage_server
from engage_server import errors

_ROOT = Path(engage_server.__file__).parent
_ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}


def line_ends(source: str) -> Iterator[int]:
    """The lines of all calls of an error whose sentence or next step has a line end of our own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ERRORS:
            texts = [*node.args, *(each.value for each in node.keywords if each.arg != "rows")]
            if any(_has_line_end(part) for text in texts for part in ast.walk(text)):
                yield node.lineno


def _has_line_end(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) and isinstance(part.value, str) and "\n" in part.value


@pytest.mark.parametrize("room", sorted(each for each in _ROOT.iterdir() if each.is_dir()), ids=lambda each: each.name)
def test_no_line_end_of_ours_is_escaped(room: Path) -> None:
    found = {str(each.relative_to(_ROOT)): list(line_ends(each.read_text())) for each in room.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (r'Refused("not all:\n  " + name)', [1]),
        (r'Refused("no", f"{name}\nMore.")', [1]),
        (r'Refused("not all:", "Fix.", rows=["a\nb"])', []),
        (r'print("a\nb")', []),
    ],
)
def test_the_control_finds_one(call: str, lines: list[int]) -> None:
    assert list(line_ends(call)) == lines
