"""``engage rotate plan``: all ways in one table, details when they are asked for."""

import json
import shutil
from pathlib import Path

from tests.support.commands import engage, ok

_WAYS = ("server-renewal", "intermediate-renewal", "root-renewal", "linked-rekey", "cut-over")


def rows(plan: str) -> dict[str, list[str]]:
    """The table: a row of cells for each way."""
    lines = [line for line in plan.splitlines() if line.startswith(_WAYS) and "  " in line]
    return {line.split()[0]: [cell for cell in line.split("  ") if cell] for line in lines}


def test_a_table_first_and_what_people_ask_for_when_nothing_is_due(installation: Path) -> None:
    shown = ok(engage(installation, "rotate", "plan"))
    table = rows(shown)
    assert tuple(table) == _WAYS
    assert [cell.strip() for cell in table["server-renewal"][1:]] == ["nothing", "2481", "intermediate", "yes"]
    assert "TLS fails once, 2nd chain" in table["linked-rekey"][1]
    assert "TLS fails once" in table["cut-over"][1]
    assert "nothing is due. What people ask for anyway:" in shown
    assert "the host name changed" in shown
    assert "a private key leaked" in shown
    assert "1. build and stage" not in shown
    assert len(shown.splitlines()) < 30


def test_one_way_in_detail_or_all(installation: Path) -> None:
    shown = ok(engage(installation, "rotate", "plan", "--way", "cut-over"))
    assert shown.count("1. build and stage") == 1
    assert "device with the old anchor: refuses it" in shown
    assert "device with the new anchor: accepts it until " in shown
    assert "device with the new anchor" not in ok(engage(installation, "rotate", "plan", "--way", "server-renewal"))
    assert shown.splitlines()[-1].endswith("rotate start --site main --way cut-over")


def test_what_is_recommended_and_what_a_key_keeps_back(installation: Path) -> None:
    ok(engage(installation, "site", "change", "main", "--host", "new.example.org"))
    due = ok(engage(installation, "rotate", "plan"))
    assert rows(due)["server-renewal"][-1] == "recommended"
    assert "nothing is due" not in due
    shutil.move(installation / "certs", installation / "elsewhere")
    without = ok(engage(installation, "rotate", "plan"))
    assert [row[-1] for row in rows(without).values()] == ["no key"] * 4 + ["yes"]
    assert "no key: the private key is not on this host. Name its folder: --authority DIR" in without


def test_json_is_of_all_ways_in_detail(installation: Path) -> None:
    made = json.loads(ok(engage(installation, "rotate", "plan", "--json", "--way", "cut-over")))
    assert [way["way"] for way in made["ways"]] == list(_WAYS)
    assert all(way["steps"] for way in made["ways"])
