"""The reasons that operators read without a log."""

from datetime import timedelta
from pathlib import Path

from engage_server.services.device_files.fault_journal import CallFault, FaultJournal
from tests.support.chains import NOW


def fault(number: int, sentence: str = "") -> CallFault:
    return CallFault(
        (NOW + timedelta(minutes=number)).replace(microsecond=0), f"device {number}", sentence or f"{number}"
    )


def test_each_reason_once_with_its_last_time(tmp_path: Path) -> None:
    journal = FaultJournal(tmp_path / "faults")
    assert journal.recent("main", NOW) == []
    for each in (fault(1, "a"), fault(2, "b"), fault(3, "a")):
        journal.record("main", each)
    assert journal.recent("main", NOW) == [fault(2, "b"), fault(3, "a")]
    assert journal.recent("other", NOW) == []


def test_only_the_last_day_and_the_last_twenty(tmp_path: Path) -> None:
    journal = FaultJournal(tmp_path / "faults")
    for number in range(25):
        journal.record("main", fault(number))
    assert [each.sentence for each in journal.recent("main", NOW)] == [f"{number}" for number in range(5, 25)]
    assert journal.recent("main", NOW + timedelta(days=1, minutes=23, seconds=1)) == [fault(24)]


def test_a_file_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    journal = FaultJournal(tmp_path / "faults")
    journal.record("main", fault(1))
    for spoiled in ("nonsense", "{}", '[1, {"at": 1}]'):
        (tmp_path / "faults" / "main.json").write_text(spoiled)
        assert journal.recent("main", NOW) == []
        journal.record("main", fault(2))
        assert journal.recent("main", NOW) == [fault(2)]
    nowhere = FaultJournal(tmp_path / "gone" / "faults")
    nowhere.record("main", fault(1))
    assert nowhere.recent("main", NOW) == []
