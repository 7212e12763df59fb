"""In which order the files of the spool are read: each worker writes its own."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engage_server.records import Host, SightingKind
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence import transfer as transferring
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import Segment, SpoolWriter, segments
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.services.sites.register import SiteRequest
from engage_server.store.interface import DeviceFilter
from tests.support.chains import NOW, SITE_KEY
from tests.support.stored import stored_sightings
from tests.support.world import World, serial_of

ADDRESS = "192.0.2.1"


def seen(folder: Path, now: datetime, serial: str, *, refuses: bool) -> None:
    """One device asks by plain HTTP. Then it refuses TLS, or comes through and names itself there."""
    plain, tls = (SpoolWriter(folder, 1 << 20) for _ in range(2))
    asked, shook = Sightings("http", plain, now.timestamp), Sightings("https", tls, now.timestamp)
    asked.answered(SightingKind.NOTICE, ServedAnswer(b"{}", "main", 1), ADDRESS, serial)
    if refuses:
        shook.handshake_failed(ADDRESS, "main", 1, "", "alert internal_error")
    else:
        shook.handshake_finished(ADDRESS, "main", 1, "TLSv1.3", resumed=False, serial=serial)
    for sightings, writer in ((asked, plain), (shook, tls)):
        sightings.flush()
        writer.close()


@pytest.fixture(params=[False, True], ids=["plain first", "TLS first"])
def moving(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> SightingTransfer:
    """A transfer that finds the files in this order."""

    def found(folder: Path) -> list[Segment]:
        return sorted(segments(folder), key=lambda each: b'"https"' in each.path.read_bytes(), reverse=request.param)

    monkeypatch.setattr(transferring, "segments", found)
    world.sites.add(SiteRequest("main", (Host.parse("locks.example.org"),)), SITE_KEY, world.occasion)
    return SightingTransfer(tmp_path, world.store, timedelta(days=9))


def test_a_refusal_of_a_second_door_is_not_laid_on_the_first(
    world: World, tmp_path: Path, moving: SightingTransfer
) -> None:
    for minute, number, refuses in ((1, 1, False), (2, 2, True)):
        at = NOW + timedelta(minutes=minute)
        seen(tmp_path, at, serial_of(number), refuses=refuses)
        moving.run(at + timedelta(seconds=1))
    histories = {each.identity: each for each in world.store.device_histories("main", DeviceFilter())}
    assert {name: (each.notices, each.refusals) for name, each in histories.items()} == {
        serial_of(1): (0, 0),
        serial_of(2): (1, 0),
    }
    assert len(stored_sightings(world.store)) == 4, "it is kept, and counts for neither of them"


def test_the_only_door_of_an_address_has_its_refusal(world: World, tmp_path: Path, moving: SightingTransfer) -> None:
    seen(tmp_path, NOW, serial_of(1), refuses=True)
    moving.run(NOW + timedelta(seconds=1))
    (history,) = world.store.device_histories("main", DeviceFilter())
    assert (history.identity, history.refusals) == (serial_of(1), 1)
