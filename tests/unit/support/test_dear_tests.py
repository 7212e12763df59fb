"""What the quick run leaves out, and that nothing else is left out."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import dear_tests
from tests.support.checkout import ROOT
from tests.support.dear_tests import DearTests, is_whole, leads_nowhere, listed, write_list


@pytest.fixture
def of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A list elsewhere."""
    path = tmp_path / "dear_tests.txt"
    path.write_text("tests/x.py::test_was_listed\n")
    monkeypatch.setattr(dear_tests, "LIST", path)
    listed.cache_clear()
    yield path
    listed.cache_clear()


def test_the_dearest_case_counts_and_an_entry_does_not_come_and_go(of_a_run: Path) -> None:
    write_list(
        {
            "tests/x.py::test_cheap[a]": (0.05, 9.0),
            "tests/x.py::test_cases[a]": (0.01, 0.0),
            "tests/x.py::test_cases[b::c: d]": (0.3, 0.0),
            "tests/x.py::test_was_listed": (0.1, 0.0),
            "tests/x.py::test_was_not": (0.1, 0.0),
            "tests/pair.py::test_with_a_pair": (0.5, 0.0),
            "made for several: tests/pair.py: one": (0.7, 0.0),
            "made for several: tests/pair.py: other": (0.7, 0.0),
            "made for several: : shared_pair": (9.0, 0.0),
        }
    )
    assert of_a_run.read_text().split() == ["tests/pair.py", "tests/x.py::test_cases", "tests/x.py::test_was_listed"]


def test_what_is_listed_is_left_out_and_nothing_else(of_a_run: Path) -> None:
    of_a_run.write_text("tests/x.py::test_dear\ntests/pair.py\n")
    ids = [
        "tests/x.py::test_dear[1]",
        "tests/x.py::test_dearer",
        "tests/pair.py::TestA::test_b",
        "tests/y.py::test_dear",
    ]
    items: list[Any] = [SimpleNamespace(nodeid=each) for each in ids]
    told: list[Any] = []
    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: told.extend(items)))
    DearTests(config).pytest_collection_modifyitems(items)
    assert [each.nodeid for each in items] == [ids[1], ids[3]]
    assert [each.nodeid for each in told] == [ids[0], ids[2]]


@pytest.mark.parametrize(
    ("arguments", "words", "expected"),
    [
        (["tests"], "", True),
        (["tests/"], "", True),
        ([str(ROOT)], "", True),
        (["tests"], "rotation", False),
        (["tests/unit"], "", False),
        (["tests", "tests/unit/pki/test_keys.py::test_x"], "", False),
    ],
)
def test_who_names_something_gets_all_of_it(arguments: list[str], words: str, expected: bool) -> None:
    config: Any = SimpleNamespace(args=arguments, option=SimpleNamespace(keyword=words, markexpr=""))
    assert is_whole(config) is expected


def test_every_entry_names_a_test(tmp_path: Path) -> None:
    assert leads_nowhere() == []
    assert len(listed()) > 100, "the control"
    (tmp_path / "list").write_text("tests/unit/support/test_dear_tests.py::test_gone\ntests/gone.py\n")
    assert len(leads_nowhere(tmp_path / "list")) == 2
