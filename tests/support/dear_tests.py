"""What the quick run leaves out: the tests that cost most. They are listed in ``tests/dear_tests.txt``.

Most of the cost of all tests is in a few of them. CI runs each, and so does anyone who names a test, a file or a word.
The list comes from a run: ``scripts/test --all --write-dear-tests``.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.timing import SHARED, Cost

LIST = ROOT / "tests" / "dear_tests.txt"
DEAR = 0.15  # seconds of CPU of one case, on the machine of CI
_STAYS = 0.6  # of it: so that the list does not change with each run
_DEAR_FIXTURE = 1.0  # what is made for the tests of one module: then all of them are dear


@cache
def listed() -> frozenset[str]:
    """The tests, without their cases, and the modules of which all are dear."""
    return frozenset(LIST.read_text(encoding="utf-8").split()) if LIST.exists() else frozenset()


def is_dear(item: pytest.Item) -> bool:
    """Whether a test is left out of the quick run."""
    name = item.nodeid.partition("[")[0]
    return name in listed() or name.partition("::")[0] in listed()


def is_whole(config: pytest.Config) -> bool:
    """Whether nobody named what to run."""
    everything = {"tests", str(ROOT / "tests"), str(ROOT)}
    has_words = config.option.keyword or config.option.markexpr
    return not has_words and {each.rstrip("/") for each in config.args} <= everything


class DearTests:
    """Leaves the dear tests out of a quick run, and says so.

    Args:
        config: Of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_report_header(self) -> str:
        """What is left out."""
        return (
            f"left out: the {len(listed())} dearest tests and modules of tests/dear_tests.txt. All: scripts/test --all"
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave them out."""
        out = [each for each in items if is_dear(each)]
        items[:] = [each for each in items if not is_dear(each)]
        self._config.hook.pytest_deselected(items=out)


def write_list(taken: Mapping[str, Cost]) -> None:
    """Write the list anew after a run of all tests.

    Args:
        taken: What each test cost, and what was made for several of them.
    """
    costs: dict[str, float] = defaultdict(float)
    for name, (cpu, _) in taken.items():
        if not name.startswith(SHARED):
            one = name.partition("[")[0]
            costs[one] = max(costs[one], cpu)
    modules: dict[str, float] = defaultdict(float)
    for name, (cpu, _) in taken.items():
        place = name.removeprefix(SHARED).rpartition(": ")[0]
        if name.startswith(SHARED) and place.endswith(".py"):
            modules[place] += cpu
    found = _dear(costs, DEAR) | _dear(modules, _DEAR_FIXTURE)
    found = {each for each in found if "::" not in each or each.partition("::")[0] not in found}
    LIST.write_text("".join(f"{each}\n" for each in sorted(found)), encoding="utf-8")


def _dear(costs: Mapping[str, float], limit: float) -> set[str]:
    before = listed()
    return {name for name, cpu in costs.items() if cpu >= (limit * _STAYS if name in before else limit)}


def leads_nowhere(path: Path = LIST) -> list[str]:
    """The entries of the list that name no test."""
    return [each for each in path.read_text(encoding="utf-8").split() if not _is_there(each)]


def _is_there(name: str) -> bool:
    module, _, rest = name.partition("::")
    path = ROOT / module
    own = rest.removesuffix("::runTest").rpartition("::")[2]  # a machine with states has this one test
    return path.is_file() and (not own or bool(re.search(rf"^ *(def {own}\(|{own} = )", _text(path), re.MULTILINE)))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
