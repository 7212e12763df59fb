"""What a caller is told to do is something that a caller of the API can do."""

import ast
import re
from collections.abc import Iterator

import pytest

from engage_server import errors
from engage_server.web.api.next_steps import NEXT_STEPS
from engage_server.web.api.problem_codes import PROBLEM_CODES
from tests.support.api import Api
from tests.support.checkout import ROOT

_PACKAGE = ROOT / "engage_server"
_OTHER_FACES = ("cli", "links", "lock", "__main__.py")
_COMMAND = re.compile(r"'?\bengage(?: [a-z-]+)+(?: --?[a-z-]+|(?: [A-Z{}=]+))*'?")
_OF_A_COMMAND_LINE = re.compile(r"(?<!\w)--[a-z]|this command")
# what is said depends on the case, and was read by a person
_SAID_BY_CASE = {
    "certificate.invalid",
    "body.invalid",
    "content.keystore",
    "content.no_certificate",
    "file.not_usable",
}


def raised() -> Iterator[tuple[str, str | None, str]]:
    """Each error that the package makes itself: its code, its next step if that stands there, and where."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        if path.relative_to(_PACKAGE).parts[0] in _OTHER_FACES:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
                code = _code_of(node)
                if code in PROBLEM_CODES:
                    yield code, _text(node.args[1], constants), f"{path.relative_to(ROOT)}:{node.lineno}"


def _code_of(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Name)
    for keyword in call.keywords:
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    kind = getattr(errors, call.func.id, None)
    return kind.default_code if isinstance(kind, type) and issubclass(kind, errors.EngageError) else ""


def _text(node: ast.expr, constants: dict[str, ast.expr]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    if isinstance(node, ast.Name) and node.id in constants:
        return _text(constants[node.id], constants)
    return None


def _is_for_a_caller(step: str) -> bool:
    return _OF_A_COMMAND_LINE.search(_COMMAND.sub("", step)) is None


def test_no_next_step_names_an_option_without_its_command() -> None:
    found = list(raised())
    assert len(found) > 60
    assert len({code for code, _, _ in found}) > 30
    for code, step, where in found:
        said = NEXT_STEPS.get(code, step)
        if said is None:
            assert code in _SAID_BY_CASE, f"{where}: a row in NEXT_STEPS, or somebody who reads it"
        else:
            assert _is_for_a_caller(said), f"{where}: {code}: {said}"


@pytest.mark.parametrize(
    ("step", "is_fine"),
    [
        ("Repeat this command, and accept each error: --override CODE=REASON.", False),
        ("Give one: --reason TEXT", False),
        ("Give one with engage token. Then add --role ROLE.", False),
        ("Make one: engage token add NAME --role ROLE", True),
        ("Send it in the field reason.", True),
    ],
)
def test_an_option_without_its_command_is_found(step: str, is_fine: bool) -> None:
    assert _is_for_a_caller(step) is is_fine


def test_every_row_is_of_a_code_that_callers_may_get() -> None:
    assert set(NEXT_STEPS) <= set(PROBLEM_CODES)
    assert all(_is_for_a_caller(step) for step in NEXT_STEPS.values())


def test_a_problem_has_it_and_lists_no_site_of_others(api: Api) -> None:
    answer = api.system(sites=("gone",)).get("/sites/gone")
    assert answer.json is not None
    assert answer.json["code"] == "site.not_found"
    assert answer.json["next_step"] == NEXT_STEPS["site.not_found"]
    assert "main" not in answer.text
