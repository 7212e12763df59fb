"""A short trial of ``scripts/kill-trial``, and proof that its judge does see what is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.killing import AWAY, HERE, judge, try_kills
from tests.bench.uploading import Door, Told
from tests.support.partner import Partner
from tests.support.world import serial_of

FILES, PASSED_ON = Door(serial_of(1), HERE), Door(serial_of(2), AWAY)


@pytest.mark.long("test_sightings.py, which kills each process once")
def test_six_kills_lose_no_acknowledged_audit() -> None:
    verdict, trial, told = try_kills(6, devices=4, hostile=40, pause=0.6, disk="")
    assert verdict.is_well, verdict
    assert trial.kills.total() == 6
    assert trial.restarts == 1, "a master's death ends the pair"
    assert {door.host for door in told.taken} == {HERE, AWAY}, "both ways were tried"
    assert told.answers["none"] + told.answers["no server"] > 0, "the kills were noticed"


def upload(number: int) -> dict[str, Any]:
    return {"serialNumber": "x", "upload": number, "audits": [{"event": "0B07", "n": number}]}


def files_with(folder: Path, numbers: list[int]) -> Path:
    """Audits as the product keeps them for the first door."""
    entries = [
        {"receivedAt": "2026-01-01T00:00:00Z", "digest": f"{place:032}", "upload": upload(number)}
        for place, number in enumerate(numbers)
    ]
    path = folder / "data" / "main" / FILES.serial / "audits.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"audits": entries}))
    return folder


@pytest.mark.parametrize(
    ("kept", "lost", "disordered", "twice"),
    [
        ([1, 2, 3], [], False, []),
        ([1, 2, 3, 4], [], False, []),
        ([1, 3], [2], False, []),
        ([], [1, 2, 3], False, []),
        ([1, 3, 2], [], True, []),
        ([1, 2, 2, 3], [], False, [2]),
    ],
)
def test_the_judge_sees_files(
    tmp_path: Path, kept: list[int], lost: list[int], disordered: bool, twice: list[int]
) -> None:
    told = Told()
    told.taken[FILES] += [1, 2, 3]
    verdict = judge(told, files_with(tmp_path, kept), Partner())
    assert [number for _, number in verdict.lost] == lost
    assert [number for _, number in verdict.twice] == twice
    assert bool(verdict.disordered) == disordered
    assert verdict.is_well == (not lost and not disordered and not twice)


@pytest.mark.parametrize(
    ("got", "lost", "disordered", "again"),
    [
        ([1, 2, 3], [], False, 0),
        ([1, 1, 2, 3], [], False, 1),
        ([1, 2, 1, 3], [], False, 1),
        ([1, 2], [3], False, 0),
        ([2, 1, 3], [], True, 0),
    ],
)
def test_the_judge_sees_the_partner(
    tmp_path: Path, got: list[int], lost: list[int], disordered: bool, again: int
) -> None:
    told, partner = Told(), Partner()
    told.taken[PASSED_ON] += [1, 2, 3]
    partner.taken[PASSED_ON.serial] += [upload(number) for number in got]
    verdict = judge(told, tmp_path, partner)
    assert [number for _, number in verdict.lost] == lost
    assert bool(verdict.disordered) == disordered
    assert verdict.again == again
    assert verdict.is_well == (not lost and not disordered)


def test_a_trial_in_which_nothing_was_acknowledged_proves_nothing(tmp_path: Path) -> None:
    assert not judge(Told(), tmp_path, Partner()).is_well
