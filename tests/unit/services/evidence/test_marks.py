"""The mark of a virtual lock, from a worker's line to the evidence."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engage_server.records import VIRTUAL_LOCK, Host, NamedDevice, Sighting, SightingKind
from engage_server.services.evidence.sightings import Sightings, spooled
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.services.sites.register import SiteRequest
from engage_server.store.interface import DeviceFilter
from tests.support.chains import NOW, SITE_KEY
from tests.support.sinks import Sink
from tests.support.stored import stored_sightings
from tests.support.world import World, address_of, serial_of

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("token", ["", "dG9rZW4="])
def test_a_line_keeps_token_and_mark_apart(marked: bool, token: str) -> None:
    sink = Sink()
    sightings = Sightings("https", sink, NOW.timestamp)
    sightings.handshake_finished("192.0.2.1", "main", 1, "TLSv1.3", resumed=False, token=token, marked=marked)
    sightings.flush()
    found = spooled(sink.kept[0])
    assert found is not None
    assert (found.token, found.sighting.disregarded) == (token, VIRTUAL_LOCK if marked else "")


class TestTransfer:
    """What a site's evidence makes of marked visits."""

    @pytest.fixture(params=[False, True], ids=["real", "for trials"])
    def trials(self, request: pytest.FixtureRequest, world: World) -> bool:
        for_trials = bool(request.param)
        hosts = (Host.parse("locks.example.org"),)
        world.sites.add(SiteRequest("main", hosts, for_trials=for_trials), SITE_KEY, world.occasion)
        return for_trials

    def moved(self, world: World, folder: Path, *, marked: bool) -> None:
        writer = SpoolWriter(folder, 1 << 20)
        sightings = Sightings("https", writer, (NOW + MINUTE).timestamp)
        sightings.handshake_finished(
            "192.0.2.1", "main", 1, "TLSv1.3", resumed=False, serial=serial_of(1), marked=marked
        )
        sightings.called_in("main", "192.0.2.1", serial_of(1), marked=marked)
        sightings.audited("main", "192.0.2.1", serial_of(1), "1101", marked=marked)
        sightings.handshake_failed("192.0.2.1", "main", 1, "", "alert unknown_ca", marked=marked)
        sightings.flush()
        writer.close()
        SightingTransfer(folder, world.store, timedelta(days=9)).run(NOW + 2 * MINUTE)

    def test_a_marked_visit_counts_only_where_trials_do(self, world: World, tmp_path: Path, trials: bool) -> None:
        self.moved(world, tmp_path, marked=True)
        assert bool(world.store.device_histories("main", DeviceFilter())) is trials
        reasons = {each.disregarded for each in stored_sightings(world.store)}
        assert reasons == ({""} if trials else {VIRTUAL_LOCK})
        assert list(world.store.callers_to_add("main", NOW)) == ([serial_of(1)] if trials else [])

    def test_a_visit_without_a_mark_always_counts(self, world: World, tmp_path: Path, trials: bool) -> None:
        self.moved(world, tmp_path, marked=False)
        assert len(world.store.device_histories("main", DeviceFilter())) == 1

    def test_a_mark_takes_nothing_away(self, world: World, tmp_path: Path, trials: bool) -> None:
        self.moved(world, tmp_path, marked=False)
        before = world.store.device_histories("main", DeviceFilter())
        self.moved(world, tmp_path, marked=True)
        if not trials:
            assert world.store.device_histories("main", DeviceFilter()) == before


class TestHosts:
    """Which host a device called: the newest that it named from its usual address."""

    @pytest.mark.parametrize("marked", [False, True])
    @pytest.mark.parametrize("token", ["", "dG9rZW4="])
    @pytest.mark.parametrize("host", ["", "locks.example.org", "x" * 253, 'quote"\\'])
    def test_a_line_keeps_all_three(self, host: str, token: str, marked: bool) -> None:
        sink = Sink()
        sightings = Sightings("http", sink, NOW.timestamp)
        sightings.called_in("main", "192.0.2.1", serial_of(1), token, marked=marked, host=host)
        sightings.flush()
        found = spooled(sink.kept[0])
        assert found is not None
        assert (found.token, found.sighting.host) == (token, host)
        assert bool(found.sighting.disregarded) is marked

    def test_what_no_name_can_be_is_left_out(self) -> None:
        sink = Sink()
        sightings = Sightings("http", sink, NOW.timestamp)
        sightings.called_in("main", "192.0.2.1", serial_of(1), host="x" * 254)
        sightings.flush()
        found = spooled(sink.kept[0])
        assert found is not None
        assert found.sighting.host == ""

    def test_who_still_calls_a_host(self, world: World) -> None:
        world.add_site("main")
        old, new = Host.parse("old.example.org"), Host.parse("new.example.org")

        def called(device: int, at: datetime, host: str, address: str = "") -> Sighting:
            where = address or address_of(device)
            return Sighting(SightingKind.NOTICE, at, "http", where, serial_of(device), "main", 1, host=host)

        world.see(called(1, NOW, old.text), called(2, NOW, old.text), called(3, NOW - 40 * DAY, old.text))
        world.see(called(2, NOW + MINUTE, new.text), called(2, NOW + 2 * MINUTE, ""))
        world.see(called(1, NOW + MINUTE, new.text, "203.0.113.9"))
        told = world.evidence.callers_of_host("main", old, NOW + DAY)
        assert (told.devices, told.examples) == (1, (NamedDevice(serial_of(1)),)), (
            "3 is silent; elsewhere 1 is not believed"
        )
        assert world.evidence.callers_of_host("main", new, NOW + DAY).devices == 1
        assert world.evidence.callers_of_host("main", Host.parse("x.example"), NOW + DAY).devices == 0
