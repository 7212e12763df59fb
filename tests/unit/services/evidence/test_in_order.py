"""A spool that waited for nights is read in the order of time, whatever the order and the number of its files."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from engage_server.records import DeviceHistory, SightingKind
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence import transfer as transferring
from engage_server.services.evidence.reading import in_order as reading
from engage_server.services.evidence.sightings import Sightings, decoded
from engage_server.services.evidence.spool import Segment, SpoolWriter, segments
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import DeviceFilter
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.stored import stored_sightings
from tests.support.world import address_of, serial_of

NOTICE = ServedAnswer(b"{}", "main", 1)
DOORS, NIGHTS, SMALL = 6, 9, 1024  # some eight lines
SECOND, NIGHT = timedelta(seconds=1), timedelta(days=1)


class Host:
    """A host with two workers of each instance, and a store."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.spool = folder / "spool"
        self.spool.mkdir()
        self._writers = {
            (kind, turn): SpoolWriter(self.spool, 1 << 20) for kind in ("http", "https") for turn in (0, 1)
        }
        self.store = SqlStore(open_engine(migrated_sqlite(folder / "engage.db")), SEALER)
        self.transfer = SightingTransfer(self.spool, self.store, timedelta(days=999))

    def call(self, at: datetime, door: int, turn: int, fate: str, address: str = "") -> None:
        """A door asks, and is answered; then it refuses TLS, or comes through and names itself."""
        where = address or address_of(door)
        plain = Sightings("http", self._writers["http", turn], at.timestamp)
        plain.answered(SightingKind.NOTICE, NOTICE, where, serial_of(door))
        if fate == "loops":
            plain.answered(SightingKind.CERTIFICATE, NOTICE, where, serial_of(door))
        plain.flush()
        tls = Sightings("https", self._writers["https", 1 - turn], (at + SECOND).timestamp)
        if fate == "comes":
            tls.handshake_finished(where, "main", 1, "TLSv1.3", resumed=False)
            tls.handshake_finished(where, "main", 1, "TLSv1.3", resumed=False, serial=serial_of(door))
        else:
            tls.handshake_failed(where, "main", 1, "", "alert unknown_ca")
        tls.flush()

    def move(self, now: datetime) -> int:
        """Store what is there."""
        return self.transfer.run(now).stored

    def close(self) -> None:
        """End all workers."""
        for writer in self._writers.values():
            writer.close()

    def known(self) -> dict[str, DeviceHistory]:
        """All histories."""
        return {each.identity: each for each in self.store.device_histories("main", DeviceFilter(release=1))}


def test_catching_up_makes_the_histories_that_storing_at_once_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transferring, "BATCH_BYTES", SMALL)
    monkeypatch.setattr(reading, "PIECE_LINES", 1)
    chance = Random(4)  # noqa: S311  # nothing is kept secret by it
    at_once, later = Host(tmp_path / "at once"), Host(tmp_path / "later")
    count = 0
    for night in range(NIGHTS):
        for turn, door in enumerate(chance.sample(range(DOORS), DOORS)):
            at = NOW + night * NIGHT + turn * timedelta(minutes=7)
            fate = chance.choice(["comes", "comes", "refuses", "loops"])
            for host in (at_once, later):
                host.call(at, door, turn % 2, fate)
            count += at_once.move(at + 2 * SECOND)
    later.close()
    assert later.move(NOW + NIGHTS * NIGHT) == count > NIGHTS * DOORS * 2
    assert later.known() == at_once.known()
    assert len(later.known()) == DOORS
    assert any(each.asked_again_at for each in later.known().values()), "else the order would hardly matter"
    times = [each.at for each in stored_sightings(later.store)]
    assert times == sorted(times)
    assert list(segments(later.spool)) == [], "each file is removed when its end is stored"
    at_once.store.close()
    later.store.close()


def test_a_refusal_of_a_second_door_is_not_laid_on_the_first_after_a_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pieces are such that one of the TLS file begins before the second door asks, and ends with its refusal."""
    monkeypatch.setattr(transferring, "BATCH_BYTES", 1)
    monkeypatch.setattr(reading, "PIECE_LINES", 4)
    host = Host(tmp_path / "host")
    for minute, fate in enumerate(["refuses", "comes", "comes", "comes"]):
        host.call(NOW + timedelta(minutes=minute), 1, 0, fate, "192.0.2.1")
    host.call(NOW + timedelta(minutes=4), 2, 0, "refuses", "192.0.2.1")
    host.close()
    host.move(NOW + NIGHT)
    assert {name: each.refusals for name, each in host.known().items()} == {serial_of(1): 0, serial_of(2): 0}
    assert sum(each.kind is SightingKind.HANDSHAKE_FAILED for each in stored_sightings(host.store)) == 2
    host.store.close()


def test_a_file_that_is_still_written_is_read_to_its_end_and_stays(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, 1 << 20)
    sightings = Sightings("http", writer, NOW.timestamp)
    sightings.answered(SightingKind.NOTICE, NOTICE, "192.0.2.1", serial_of(1))
    sightings.flush()
    (tmp_path / "torn.sightings").write_bytes(b"rubbish\n")

    def read() -> list[tuple[str, int, int, bool]]:
        pieces = reading.in_order(segments(tmp_path), {}, lambda lines: [s for line in lines if (s := decoded(line))])
        return [(each.segment.name, len(each.sightings), each.unreadable, each.is_last) for each in pieces]

    (open_file,) = (each.name for each in segments(tmp_path) if each.name != "torn")
    assert read() == [("torn", 0, 1, False), ("torn", 0, 0, True), (open_file, 1, 0, False)]
    writer.close()
    assert read()[-1] == (open_file, 0, 0, True)
    assert Segment(tmp_path / "torn.sightings").size, "only the transfer removes files"
