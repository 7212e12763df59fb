"""What lasts is said once, then daily, and once more when it is over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.records import AlertKind, AlertMark, RotationState
from engage_server.services.alerts.at_once.conditions import Condition, held_rotations
from engage_server.services.alerts.at_once.episodes import Key, changes
from tests.support.briefings import CONSOLE, rotation
from tests.support.chains import NOW

HELD: Key = (AlertKind.ROTATION_HELD, "main")
LOG: Key = (AlertKind.AUDIT_LOG_BROKEN, "")


class Memory:
    """The marks, as a store keeps them."""

    def __init__(self) -> None:
        self.marks: list[AlertMark] = []

    def say(self, conditions: Sequence[Condition], at: datetime, judged: Sequence[Key] = (HELD, LOG)) -> list[str]:
        """The subjects of what is said."""
        found = changes(self.marks, conditions, judged, at, CONSOLE)
        for each in found:
            kept = [mark for mark in self.marks if (mark.topic, mark.about) != (each.mark.topic, each.mark.about)]
            new = [replace(each.mark, version=each.mark.version + 1)] if each.mark.value is not None else []
            self.marks = [*kept, *new]
        assert len({each.period for each in found}) == len(found)
        return [each.message.subject for each in found]


def test_it_is_said_once_then_daily_and_its_end() -> None:
    memory, held = Memory(), held_rotations([rotation()])
    said = [memory.say(held, NOW + timedelta(hours=hour)) for hour in range(50)]
    assert said[0] == ["main: rotation 7 is paused: 3 doors are lost"]
    assert {hour: each for hour, each in enumerate(said) if each and hour} == {
        24: ["Still: main: rotation 7 is paused: 3 doors are lost"],
        48: ["Still: main: rotation 7 is paused: 3 doors are lost"],
    }
    assert memory.say([], NOW + timedelta(hours=50)) == ["Over: main: rotation 7 is paused: 3 doors are lost"]
    assert memory.say([], NOW + timedelta(hours=51)) == []
    assert memory.marks == []
    assert len(memory.say(held, NOW + timedelta(hours=52))) == 1, "it is another one"


def test_what_cannot_be_judged_neither_begins_nor_ends() -> None:
    memory, held = Memory(), held_rotations([rotation()])
    assert memory.say(held, NOW, judged=[LOG]) == []
    assert memory.say(held, NOW) != []
    assert memory.say([], NOW, judged=[LOG]) == []
    assert memory.say([], NOW) != []


def test_only_held_rotations_wait_for_a_person() -> None:
    states = [each for each in RotationState if held_rotations([rotation(each)])]
    assert states == [RotationState.HELD]
