"""A node whose link to the database is cut: it serves, collects, catches up, and nobody is called silent meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.records import DeviceHistory, RotationWay, SightingKind, WorkerStatus
from engage_server.services.alerts.morning.mail import whole_message
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.services.risk.kinds import EVIDENCE_MISSING, SILENT
from engage_server.services.risk.known import SiteTonight
from engage_server.store.interface import DeviceFilter
from engage_server.store.tables import workers
from tests.support.alerting import Alerting
from tests.support.chains import NOW
from tests.support.world import World, address_of, serial_of, serving

NEAR, FAR = range(4), range(4, 8)
LATER = 12  # nights: longer than the habit of a door that calls each night
NIGHT = timedelta(days=1)
KEEP = timedelta(days=99)


class FarNode:
    """A node with its own spool. The test says when it reaches the store.

    Args:
        world: The store.
        folder: Its spool.
        name: Its host name.
    """

    def __init__(self, world: World, folder: Path, name: str) -> None:
        folder.mkdir()
        self.name, self._world = name, world
        self._spool = SpoolWriter(folder, 1 << 20)
        self.transfer = SightingTransfer(folder, world.store, KEEP)

    def serve(self, doors: range, night: int) -> None:
        """Let doors call it in a night."""
        at = NOW + night * NIGHT
        sightings = Sightings("https", self._spool, at.timestamp)
        for door in doors:
            where, serial = address_of(door), serial_of(door)
            sightings.handshake_finished(where, "main", 1, "TLSv1.3", resumed=False, serial=serial)
            sightings.answered(SightingKind.NOTICE, ServedAnswer(b"{}", "main", 1), where, serial)
        sightings.flush()

    def report(self) -> None:
        """Let all its workers report."""
        for pid, listener in enumerate(("http", "https", "operators")):
            status = WorkerStatus(f"{listener} {pid} on {self.name}", self.name, pid, listener, 99, {"main": 1}, {})
            self._world.store.heartbeat(status)

    def fall_silent(self) -> None:
        """Its link is cut: what it reported last is a while ago."""
        with self._world.store._engine.begin() as connection:
            old = workers.update().where(workers.c.host == self.name)
            connection.execute(old.values(seen_at=datetime.now(UTC) - timedelta(minutes=10)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    (tmp_path / "world").mkdir()
    with serving(tmp_path / "world") as found:
        yield found


@pytest.fixture
def nodes(world: World, tmp_path: Path) -> tuple[FarNode, FarNode]:
    """Two nodes, with half of the doors each, and a week of nights in the store."""
    near, far = (FarNode(world, tmp_path / name, name) for name in ("near", "far"))
    for night in range(-7, 1):
        near.serve(NEAR, night)
        far.serve(FAR, night)
    for node in (near, far):
        node.transfer.run(NOW + timedelta(hours=1))
        node.report()
    return near, far


def silent_doors(found: SiteTonight) -> list[str]:
    """The doors that are called silent."""
    return [door.identity for door in found.doors if door.risks[0].kind is SILENT]


def cut(nodes: tuple[FarNode, FarNode]) -> datetime:
    """Nights without a link from one node to the store. Now, after the last of them."""
    near, far = nodes
    for night in range(1, LATER):
        near.serve(NEAR, night)
        far.serve(FAR, night)
    now = NOW + LATER * NIGHT - timedelta(hours=12)
    near.transfer.run(now)
    near.report()
    far.fall_silent()
    return now


def test_nobody_is_silent_while_the_evidence_of_a_node_is_missing(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    now = cut(nodes)
    found = world.tonight.look_at("main", now)
    assert silent_doors(found) == []
    (missing,) = [risk for risk in found.risks if risk.kind is EVIDENCE_MISSING]
    assert missing.why.startswith("host far was last heard at ")
    assert "What doors did there since is not known here, so no door counts as silent." in missing.why
    nodes[1].transfer.run(now)
    nodes[1].report()
    after = world.tonight.look_at("main", now)
    assert (silent_doors(after), [risk.kind for risk in after.risks]) == ([], []), "it has caught up"
    seen = [each.last_seen for each in world.store.device_histories("main", DeviceFilter())]
    assert set(seen) == {NOW + (LATER - 1) * NIGHT}


def test_a_node_that_is_forgotten_excuses_nobody(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    """The control: without the gap, its doors are silent."""
    now = cut(nodes)
    with world.store._engine.begin() as connection:
        connection.execute(workers.delete().where(workers.c.host == "far"))
    assert silent_doors(world.tonight.look_at("main", now)) == [serial_of(door) for door in FAR]


def test_the_morning_mail_says_what_it_lacks(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    cut(nodes)
    now = NOW + (LATER - 1) * NIGHT + timedelta(minutes=30)  # after the last calls, with no noon in between
    alerting = Alerting(world)
    alerting.risks = ()
    text = whole_message(alerting.mornings.preview(world.store.sites(), now)).text
    assert "main: no door at risk, evidence missing" in text
    assert "* At least 4 doors called since noon." in text
    assert text.count("did not sign off") == 1
    assert "it has not called" not in text
    nodes[1].transfer.run(now)
    nodes[1].report()
    after = whole_message(alerting.mornings.preview(world.store.sites(), now)).text
    assert "* 8 doors called since noon." in after
    assert "evidence missing" not in after


def test_a_rotation_waits_for_it(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    world.rotations.start(world.request(RotationWay.CUT_OVER), world.occasion)
    now = cut(nodes)
    assert world.rotations.open_rotation("main") is not None
    world.rotations.go_on("main", world.later(days=LATER))
    (rotation,) = world.store.rotations("main")
    assert rotation.state.is_open, "it is not rolled back"
    decision = world.rotations.progress(rotation, world.later(days=LATER)).decision
    assert decision is not None
    assert decision.why.startswith("the evidence is incomplete: host far was last heard")
    assert now < NOW + LATER * NIGHT


def test_what_waits_is_counted(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    cut(nodes)
    near, far = nodes
    assert (near.transfer.waiting_bytes(), far.transfer.waiting_bytes() > 1000) == (0, True)
    world.store.report_spool("far", 5 * 1024)
    assert "and did not sign off, and 5 KiB of sightings waited on its disk." in world.confirmations.gaps()[0]


def known(world: World) -> dict[str, DeviceHistory]:
    """All histories."""
    return {each.identity: each for each in world.store.device_histories("main", DeviceFilter())}


def test_lines_that_come_after_weeks_count_at_their_own_time(world: World, nodes: tuple[FarNode, FarNode]) -> None:
    """A node was off for weeks. Its doors called the other one meanwhile, and accepted another release there."""
    _, far = nodes
    far.serve(FAR, 1)
    world.release()
    for night in range(2, 30):
        at = NOW + night * NIGHT
        world.see(*(world.finished(door, 2, at) for door in FAR))
    before = known(world)
    far.transfer.run(NOW + 30 * NIGHT)
    after = known(world)
    for door in map(serial_of, FAR):
        assert after[door].finished_release == 2, "not the one of weeks ago"
        assert after[door].last_seen == before[door].last_seen
        assert after[door].due_at == before[door].due_at
        assert (after[door].notices, after[door].refusals) == (0, 0)


def test_a_store_that_is_away_costs_no_line(
    world: World, nodes: tuple[FarNode, FarNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, far = nodes
    far.serve(FAR, 1)
    waiting = far.transfer.waiting_bytes()

    def away(*_: object) -> bool:
        raise StoreNotUsable("the database does not answer", "Start it.")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "record_parts", away)
        with pytest.raises(StoreNotUsable):
            far.transfer.run(NOW + NIGHT)
    assert far.transfer.waiting_bytes() == waiting > 0
    assert far.transfer.run(NOW + NIGHT).stored == 2 * len(FAR)
    assert far.transfer.waiting_bytes() == 0
