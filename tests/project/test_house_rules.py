"""Rules of the house that no linter knows: time is an argument, rooms are small, docs do not drift."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.documentation import commands, pages

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "engage_server"
_TESTS = sorted((ROOT / "tests").rglob("*.py"))
PURE = ("pki", "protocol", "checks", "records", "services", "web")
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns", "perf_counter"}
LONGEST_MODULE = 400  # lines; rooms aim at 100 to 250


def _python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (PACKAGE / folder).rglob("*.py"))


def clock_calls(source: str) -> Iterator[str]:
    """Calls of a clock: ``datetime.now()``, ``time.time()`` and their kin."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            owner = ast.unparse(node.func.value).rpartition(".")[2]
            if owner in {"datetime", "date", "time"}:
                yield ast.unparse(node)


def test_time_is_an_argument() -> None:
    """Invariant 7."""
    found = {str(path): list(clock_calls(path.read_text(encoding="utf-8"))) for path in _python_files(*PURE)}
    assert len(found) > 300
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_the_clock_test_finds_clocks() -> None:
    for source in ("datetime.now(UTC)", "datetime.datetime.utcnow()", "time.time()", "date.today()"):
        assert list(clock_calls(source)) == [source]
    assert list(clock_calls("occasion.now()")) == []


# who makes files beside files/: figures that mean nothing after a restart, and a fallback beside Linux
_MAKES_FILES = {
    *("files/folders.py", "files/ownership.py", "files/writing.py"),
    *("serving/worker/metrics.py", "serving/worker/connections/tls_context.py"),
}


_MAKING = {"O_CREAT", "mkdir", "makedirs", "write_text", "write_bytes", "touch", "mkstemp", "mkdtemp"}


def makers(source: str) -> list[str]:
    """What makes a file or a folder: calls, and flags of :func:`os.open`."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [node.attr for node in nodes if node.attr in _MAKING]


def test_files_are_made_in_one_place() -> None:
    """There they get their mode, and the owner of their folder where root makes them."""
    found = {path.relative_to(PACKAGE).as_posix(): makers(path.read_text()) for path in _python_files(".")}
    assert {name for name, what in found.items() if what} == _MAKES_FILES


def test_rooms_are_small() -> None:
    long = {path.name: n for path in _python_files(".") if (n := len(path.read_text().splitlines())) > LONGEST_MODULE}
    assert long == {}


def test_no_name_says_nothing() -> None:
    words = {"manager", "helper", "helpers", "util", "utils", "data", "info", "misc", "common"}
    assert [path for path in _python_files(".") if words & set(path.stem.split("_"))] == []


def test_generated_pages_are_up_to_date() -> None:
    for name, content in pages().items():
        assert (ROOT / "docs" / name).read_text() == content, f"docs/{name} is stale: run scripts/fix"


def modules_named(text: str) -> set[str]:
    """The modules that a page names, such as ``rotation/gate.py`` or ``deadlines.py``."""
    return set(re.findall(r"`([a-z_/]+\.py)`", text))


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_pages_name_modules_that_exist(page: Path) -> None:
    """Pages of decisions are history, and may name what has moved since."""
    known = [
        f"/{path.relative_to(ROOT)}"
        for folder in (PACKAGE, ROOT / "tests", ROOT / "docs")
        for path in folder.rglob("*.py")
    ]
    assert [name for name in modules_named(page.read_text()) if not any(k.endswith(f"/{name}") for k in known)] == []


def listed_pages(index: str) -> list[str]:
    """The pages that an index names, in its order."""
    return re.findall(r"^\d+\. \[[^]]+\]\(([^)]+)\)", index, re.MULTILINE)


def test_each_decision_is_listed_once_and_in_order() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert listed_pages((folder / "README.md").read_text()) == pages


def test_the_look_at_the_index_sees_what_stands_twice() -> None:
    assert listed_pages("1. [A](0001-a.md)\n1. [A](0001-a.md)\ntext\n") == ["0001-a.md", "0001-a.md"]


def test_the_test_of_pages_finds_modules() -> None:
    assert modules_named("see `rotation/gate.py` and `no_such.py`, not `gate`") == {"rotation/gate.py", "no_such.py"}


def test_every_command_shows_an_example() -> None:
    for name, command in commands():
        assert "Example" in (command.epilog or ""), name


def test_scripts_can_be_run() -> None:
    for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
        assert path.stat().st_mode & 0o111, path


def _pinned_packages(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]


def pages_without_results(name: str, script: str) -> list[str]:
    """The pages that a script says have its results, and that do not name it."""
    return [page for page in re.findall(r"docs/[a-z-]+\.md", script) if name not in (ROOT / page).read_text()]


def test_results_stand_where_scripts_say() -> None:
    found = {path.name: pages_without_results(path.name, path.read_text()) for path in (ROOT / "scripts").iterdir()}
    assert {name: pages for name, pages in found.items() if pages} == {}


def test_the_look_for_results_finds_what_is_missing() -> None:
    assert pages_without_results("fuzz-nobody", "# Results stand in docs/fuzzing.md.") == ["docs/fuzzing.md"]


def test_the_lock_files_pin_every_package_with_hashes() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert len(locks) >= 9
    for path in locks:
        lines = _pinned_packages(path.read_text())
        assert lines, path.name
        assert all("==" in line and line.endswith("\\") for line in lines), path.name


def _npm_packages(lock: str) -> dict[str, dict[str, str]]:
    """What a lock file of npm installs, by folder; "" is the project itself."""
    return {folder: package for folder, package in json.loads(lock)["packages"].items() if folder}


def test_the_lock_files_of_npm_pin_every_package_with_its_hash() -> None:
    locks = sorted((ROOT / "tests" / "support").glob("*/package-lock.json"))
    assert [path.parent.name for path in locks] == ["browser_judges", "node_soap", "prism", "spectral"]
    for path in locks:
        packages = _npm_packages(path.read_text())
        assert packages, path
        assert [name for name, package in packages.items() if "integrity" not in package] == [], path
        assert "://" not in "".join(package.get("resolved", "") for package in packages.values()), path


def test_nothing_of_one_machine_is_in_the_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            assert b"/" + b"work/" not in content, name
            assert b"/" + b"root/" not in content, name


def imported_test_modules(source: str) -> Iterator[str]:
    """Test modules that a module imports, also within a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if _is_test_module(name))


def _is_test_module(name: str) -> bool:
    return name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")


def test_nobody_imports_a_test_module() -> None:
    """What several tests need stands in tests/support."""
    found = {path: set(imported_test_modules(path.read_text(encoding="utf-8"))) for path in _TESTS}
    assert {str(path.relative_to(ROOT)): names for path, names in found.items() if names} == {}


def test_imports_of_test_modules_are_found() -> None:
    named = (
        "from tests.unit.test_files import x",
        "def f():\n    import tests.unit.test_files",
        "from tests.unit import test_files",
    )
    for source in named:
        assert list(imported_test_modules(source)) == ["tests.unit.test_files"], source
    for source in ("from tests.support.chains import good_chain", "import pytest", "from . import x"):
        assert list(imported_test_modules(source)) == [], source


def test_unit_tests_stand_where_the_package_has_its_rooms() -> None:
    """``tests/unit`` mirrors the package; ``support`` has the tests of the tests' own parts."""
    rooms = {path.parent.relative_to(ROOT / "tests" / "unit") for path in (ROOT / "tests" / "unit").rglob("test_*.py")}
    assert [room for room in rooms if room != Path("support") and not (PACKAGE / room).is_dir()] == []


def escaped_line_ends(source: str) -> list[int]:
    r"""The lines of errors whose sentence has a line end, which would be printed as ``\n``: ``rows=`` is for that."""
    raised = [node.exc for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)]
    sentences = [error.args[0] for error in raised if isinstance(error, ast.Call) and error.args]
    return [
        each.lineno
        for sentence in sentences
        for each in ast.walk(sentence)
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and "\n" in each.value
    ]


def test_an_error_has_no_line_end_in_its_sentence() -> None:
    found = {str(path): escaped_line_ends(path.read_text()) for path in _python_files(".")}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_the_look_for_line_ends_finds_them() -> None:
    assert escaped_line_ends('raise Refused("no:\\n  " + "\\n".join(x), "next")') == [1, 1]
    assert escaped_line_ends('raise Refused("no:", "next", rows=x)') == []
