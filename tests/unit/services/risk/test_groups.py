"""Doors with the same trouble are told once."""

from engage_server.services.risk.groups import groups_of
from engage_server.services.risk.kinds import NEVER_SEEN, SILENT, Kind
from engage_server.services.risk.known import DoorAtRisk, Risk
from tests.support.world import serial_of


def _door(device: int, kind: Kind, mend: str) -> DoorAtRisk:
    serial = serial_of(device)
    return DoorAtRisk("main", serial, None, (Risk(kind, "it is so", mend.replace("SERIAL", serial)),))


def test_each_door_is_in_one_group_and_the_order_stays() -> None:
    """The remedy names no single door."""
    silent = [_door(each, SILENT, "Check its battery. engage device show SERIAL") for each in (3, 1)]
    unseen = [_door(each, NEVER_SEEN, "Does it exist? engage device remove SERIAL --site main") for each in (2, 4)]
    groups = groups_of([silent[0], *unseen, silent[1]])
    assert [group.doors for group in groups] == [tuple(silent), tuple(unseen)]
    assert [group.mend for group in groups] == [
        "Check its battery.",
        "Does it exist? engage device remove SERIAL --site main",
    ]
    assert [group.severity for group in groups] == [SILENT.severity, NEVER_SEEN.severity]


def test_doors_with_other_remedies_are_told_apart() -> None:
    """Also if the risk is the same."""
    groups = groups_of([_door(1, SILENT, "Check its battery."), _door(2, SILENT, "Wait.")])
    assert [group.mend for group in groups] == ["Check its battery.", "Wait."]


def test_no_door_makes_no_group() -> None:
    """There is nothing to tell."""
    assert groups_of([]) == ()
