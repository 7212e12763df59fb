"""Reads each error that the package makes itself off its source: its code, its sentence and its next step."""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engage_server import errors
from tests.support.checkout import ROOT

_PACKAGE = ROOT / "engage_server"


@dataclass(frozen=True, slots=True)
class RaisedError:
    """One place at which an error is made.

    Attributes:
        kind: Its class.
        code: Its code.
        sentence: What happened, with {} for what is filled in. None: it is composed, so it cannot be read here.
        next_step: What to do, likewise.
        where: The file below the package, and the line.
    """

    kind: type[errors.EngageError]
    code: str
    sentence: str | None
    next_step: str | None
    where: str


def raised_errors(without: Collection[str]) -> Iterator[RaisedError]:
    """All of them.

    Args:
        without: Folders and files of the package that are left out, with slashes at the end of folders.
    """
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        if name.startswith(tuple(without)):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
                kind = getattr(errors, node.func.id, None)
                if isinstance(kind, type) and issubclass(kind, errors.EngageError):
                    said, step = (_text(each, constants) for each in node.args[:2])
                    yield RaisedError(kind, _code_of(node, kind), said, step, f"{name}:{node.lineno}")


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))


def _code_of(call: ast.Call, kind: type[errors.EngageError]) -> str:
    given = [each.value for each in call.keywords if each.arg == "code"]
    return next((str(each.value) for each in given if isinstance(each, ast.Constant)), kind.default_code)


def _text(node: ast.expr, constants: Mapping[str, ast.expr]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    if isinstance(node, ast.Name) and node.id in constants:
        return _text(constants[node.id], constants)
    return None
