"""The maps that we ship. The public contracts that they were made for are no part of this project."""

import re
from pathlib import Path
from typing import get_args

import pytest

from engage_server.links.sim import accounts
from engage_server.links.sim.accounts import Profile
from engage_server.links.sim.contract.operator_map import read_map
from engage_server.links.sim.operations import VALUES, Operation
from tests.support.checkout import ROOT

FOLDER = Path(accounts.__file__).parent / "profiles"
PROFILES = sorted(FOLDER.glob("*.toml"))


def test_each_name_in_links_toml_has_its_file() -> None:
    assert [each.stem for each in PROFILES] == sorted(get_args(Profile))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_it_can_be_read_and_says_what_was_checked(path: Path) -> None:
    assert Operation.THINGS_REACHABILITY in read_map(path).operations
    head = path.read_text().partition("\n\n")[0]
    assert "# Checked against: " in head
    assert "# Never checked: against " in head


@pytest.mark.parametrize("name", ["emnify", "1nce"])
def test_no_profile_retires_a_sim(name: str) -> None:
    """Neither contract has a word for it, so a SIM cannot be retired by mistake."""
    words = read_map(FOLDER / f"{name}.toml").words["state"]
    assert set(words) >= {"ACTIVE", "SUSPENDED"}
    assert "RETIRED" not in words


def test_the_page_has_the_values_of_each_operation() -> None:
    page = (ROOT / "docs" / "sim-contracts.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", page, re.MULTILINE))
    for operation, values in VALUES.items():
        assert re.findall(r"`(\w+)`", rows[operation]) == list(values)


def test_the_page_has_each_code_and_no_other() -> None:
    page = (ROOT / "docs" / "sim-contracts.md").read_text()
    modules = (ROOT / "engage_server" / "links" / "sim").rglob("*.py")
    own = [each for each in modules if each.parent.name in ("client", "contract")]
    used = {code for each in own for code in re.findall(r'"(sim\.[a-z_]+)"', each.read_text())}
    assert used == set(re.findall(r"`(sim\.[a-z_]+)`", page))
