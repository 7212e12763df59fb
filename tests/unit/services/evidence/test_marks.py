"""The mark of a virtual lock, from a worker's line to the evidence."""

from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.records import VIRTUAL_LOCK, Host
from engage_server.services.evidence.sightings import Sightings, spooled
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.services.sites.register import SiteRequest
from engage_server.store.interface import DeviceFilter
from tests.support.chains import NOW, SITE_KEY
from tests.support.sinks import Sink
from tests.support.stored import stored_sightings
from tests.support.world import World, serial_of

MINUTE = timedelta(minutes=1)


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
