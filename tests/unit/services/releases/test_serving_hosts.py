"""A host that is cut off: what its devices do is not in the store, so nobody may call them silent."""

from datetime import UTC, datetime, timedelta

import pytest

from engage_server.errors import Conflict, NotFound
from engage_server.records import AuditAction, RotationState, RotationWay, WorkerStatus
from engage_server.services.releases.serving_hosts import ServingHosts
from engage_server.store.tables import workers
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World

DAY = timedelta(days=1)
OURS, THEIRS = range(20), range(20, 40)


def say(
    world: World,
    host: str,
    *,
    ago: timedelta = timedelta(0),
    pid: int = 1,
    served: int = 2,
    listeners: tuple[str, ...] = ("http", "https", "operators"),
) -> None:
    """All workers of a host say what they serve; so long ago."""
    for listener in listeners:
        name = f"{listener} {pid} on {host}"
        generation = world.store.generation()
        world.store.heartbeat(WorkerStatus(name, host, pid, listener, generation, {"main": served}, {}))
        with world.store._engine.begin() as connection:
            seen = workers.update().where(workers.c.worker == name).values(seen_at=datetime.now(UTC) - ago)
            connection.execute(seen)


@pytest.fixture
def rotating(world: World) -> World:
    """Forty devices, half of them at each of two hosts, and a rotation that is going on."""
    world.add_site()
    world.release()
    for night in range(-7, 0):
        world.see(*(world.finished(device, 1, NOW + night * DAY) for device in (*OURS, *THEIRS)))
    say(world, "a")
    say(world, "b")
    world.rotations.start(world.request(RotationWay.CUT_OVER), world.occasion)
    for night in range(1, 4):
        world.see(*(world.finished(device, 2, NOW + night * DAY) for device in OURS))
    return world


def three_days_on(world: World) -> RotationState:
    say(world, "a")
    world.rotations.go_on("main", world.later(days=3))
    return world.rotations.all("main")[-1].state


def test_a_host_that_is_cut_off_is_a_gap_until_it_is_forgotten(rotating: World) -> None:
    say(rotating, "b", ago=3 * DAY)
    assert three_days_on(rotating) is RotationState.RUNNING, "its devices were served all the time, for all we know"
    (gap,) = rotating.confirmations.gaps()
    assert gap.startswith("host b was last heard at")
    assert "engage host forget b" in gap
    assert list(rotating.overview.look(rotating.occasion).silent_hosts) == ["b"]
    hosts = ServingHosts(rotating.store)
    assert [(each.name, each.is_alive, len(each.silent)) for each in hosts.all()] == [("a", True, 0), ("b", False, 3)]
    assert hosts.forget("b", "burnt down", rotating.occasion) == 3
    told = audit_events(rotating.store)[-1]
    assert (told.action, told.reason, told.facts["host"]) == (AuditAction.HOST_FORGOTTEN, "burnt down", "b")
    assert rotating.confirmations.gaps() == ()
    assert three_days_on(rotating) is RotationState.ROLLED_BACK, "now they are lost"


def test_two_machines_with_one_name_are_seen(world: World) -> None:
    """As cloned machines have it: while one of them reports, nobody would see that the other one is lost."""
    world.add_site()
    say(world, "a")
    say(world, "a", pid=2, listeners=("http", "https"))
    say(world, "b", pid=1, ago=timedelta(minutes=1))
    say(world, "b", pid=2)
    assert [each.is_doubled for each in ServingHosts(world.store).all()] == [False, False], "the control: replaced"
    say(world, "a", pid=2)
    assert [each.is_doubled for each in ServingHosts(world.store).all()] == [True, False]


def test_a_host_that_said_goodbye_is_no_gap(rotating: World) -> None:
    for listener in ("http", "https", "operators"):
        rotating.store.remove_worker(f"{listener} 1 on b")
    assert three_days_on(rotating) is RotationState.ROLLED_BACK


def sign_off(world: World, host: str, waiting_bytes: int) -> None:
    """All workers of a host sign off, and say what they leave on its disk."""
    world.store.report_spool(host, waiting_bytes)
    for listener in ("http", "https", "operators"):
        world.store.remove_worker(f"{listener} 1 on {host}")


def test_a_host_that_signed_off_before_all_was_stored_is_a_gap_until_it_is_forgotten(rotating: World) -> None:
    sign_off(rotating, "b", 5 * 1024)
    assert three_days_on(rotating) is RotationState.RUNNING, "its devices were served, for all we know"
    (gap,) = rotating.confirmations.gaps()
    assert gap.startswith("host b signed off at ")
    assert "UTC, and 5 KiB of sightings waited on its disk." in gap
    assert "engage host forget b" in gap
    found = rotating.overview.look(rotating.occasion)
    assert (list(found.left_spools), dict(found.silent_hosts), found.needs_attention) == (["b"], {}, True)
    hosts = ServingHosts(rotating.store)
    assert [(each.name, each.is_alive, each.waiting_bytes) for each in hosts.all()] == [
        ("a", True, 0),
        ("b", False, 5120),
    ]
    assert hosts.forget("b", "burnt down", rotating.occasion) == 0
    assert audit_events(rotating.store)[-1].facts["waiting_bytes"] == "5120"
    assert rotating.confirmations.gaps() == ()
    with pytest.raises(NotFound, match="no host 'b' is known"):
        hosts.forget("b", "", rotating.occasion)
    assert three_days_on(rotating) is RotationState.ROLLED_BACK, "now they are lost"


def test_a_host_that_comes_back_and_stores_what_it_left_is_no_gap(rotating: World) -> None:
    sign_off(rotating, "b", 1)
    assert rotating.confirmations.gaps()
    say(rotating, "b", pid=2)
    assert rotating.confirmations.gaps() == (), "what it still has to store, its own workers say"
    rotating.store.report_spool("b", 0)
    for listener in ("http", "https", "operators"):
        rotating.store.remove_worker(f"{listener} 2 on b")
    assert rotating.confirmations.gaps() == (), "it left nothing this time"


def test_a_host_that_is_heard_again_is_no_gap(rotating: World) -> None:
    say(rotating, "b", ago=3 * DAY)
    assert rotating.confirmations.gaps()
    say(rotating, "b", pid=2)
    assert rotating.confirmations.gaps() == ()
    assert three_days_on(rotating) is RotationState.ROLLED_BACK


class TestWhatStatusSays:
    """It was well as soon as any worker was heard."""

    @pytest.fixture
    def served(self, world: World) -> World:
        world.add_site()
        world.release()
        return world

    def alive(self, world: World, *listeners: str, ago: timedelta = timedelta(0)) -> None:
        say(world, "a", served=1, listeners=listeners, ago=ago)

    def test_both_instances_are_needed(self, served: World) -> None:
        for listeners, missing in (((), ("http", "https")), (("http",), ("https",)), (("https",), ())):
            self.alive(served, *listeners)
            found = served.overview.look(served.occasion)
            assert (found.missing_listeners, found.needs_attention) == (missing, bool(missing))

    def test_a_worker_that_hangs(self, served: World) -> None:
        self.alive(served, "http", "https")
        say(served, "a", served=1, listeners=("https",), pid=2, ago=timedelta(minutes=1))
        found = served.overview.look(served.occasion)
        assert [each.worker for each in found.silent_workers] == ["https 2 on a"]
        assert not found.missing_listeners
        assert found.needs_attention


def test_killed_workers_that_were_replaced_are_no_gap_and_not_waited_for(rotating: World) -> None:
    say(rotating, "a", pid=7, ago=timedelta(minutes=1))
    say(rotating, "a")
    assert rotating.confirmations.gaps() == ()
    generation = rotating.confirmations.generation()
    assert rotating.confirmations.look("main", generation).silent == ()


def test_a_silent_worker_is_not_confirmed(rotating: World) -> None:
    generation = rotating.confirmations.generation()
    for host in ("a", "b"):
        say(rotating, host)
    assert rotating.confirmations.look("main", generation).is_complete, "the control"
    say(rotating, "b", ago=DAY)
    found = rotating.confirmations.look("main", generation)
    assert [each.worker for each in found.silent] == ["http 1 on b", "https 1 on b"]
    assert not found.is_complete


def test_only_a_silent_host_can_be_forgotten(rotating: World) -> None:
    hosts = ServingHosts(rotating.store)
    with pytest.raises(Conflict, match="host 'a' is alive"):
        hosts.forget("a", "", rotating.occasion)
    with pytest.raises(NotFound, match="no host 'c' is known"):
        hosts.forget("c", "", rotating.occasion)
    assert len(hosts.all()) == 2
