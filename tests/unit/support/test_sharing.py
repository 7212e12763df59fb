"""A server that modules share is started once: one process runs them all."""

import pytest

from tests.support.checkout import ROOT
from tests.support.sharing import ByServer, together_with


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("tests/end_to_end/test_golden_bytes.py", "shared_pair"),
        ("tests/strangers/test_clients.py", "shared_pair"),
        ("tests/end_to_end/test_costly_hellos.py", "legacy_pair"),
        ("tests/end_to_end/test_m2u.py", "shared_ingress"),
        ("tests/browser/test_names.py", "furnished"),
        ("tests/end_to_end/test_sightings.py", "tests/end_to_end/test_sightings.py"),
    ],
)
def test_modules_are_together_by_the_server_that_they_share(module: str, name: str) -> None:
    assert together_with(module) == name


def test_all_others_are_alone_so_that_no_process_is_left_with_many() -> None:
    modules = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")]
    shared = [module for module in modules if together_with(module) != module]
    assert 5 < len(shared) < 25


def test_the_run_asks() -> None:
    scheduler = object.__new__(ByServer)
    assert scheduler._split_scope("tests/end_to_end/test_m2u.py::test_x[a::b]") == "shared_ingress"
