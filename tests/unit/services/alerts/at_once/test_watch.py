"""What lasts: a site whose doors are all silent, a broken audit log, a drill that failed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from engage_server.records import AlertKind, AuditAction, BackupRun, BackupStep, PathSays, WorkerStatus
from engage_server.store.database.engine import writing
from engage_server.store.tables import host_spools, workers
from tests.support.alerting import Alerting
from tests.support.alerts import recipient
from tests.support.chains import NOW
from tests.support.path_events import path_event
from tests.support.world import World, serving

DAY = datetime.combine(NOW.date(), datetime.min.time(), NOW.tzinfo) + timedelta(days=3)
HOUR = timedelta(hours=1)
MORNING = DAY + 6.6 * HOUR


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site with four doors that called in the night before the last one."""
    with serving(tmp_path) as found:
        found.store.add_recipient(recipient(), None, found.occasion.event(AuditAction.SITE_CHANGED))
        found.see(*[found.finished(each, 1, DAY - 21 * HOUR) for each in range(4)])
        yield found


def said(world: World, now: datetime) -> list[str]:
    """What is said for the first time at this time."""
    before = {each.id for each in world.store.outbox(99)}
    Alerting(world).watch.run(world.store.recipients(), now)
    return [each.message.subject for each in world.store.outbox(99) if each.id not in before]


class TestSilence:
    """Nobody called tonight."""

    def test_it_is_said_in_the_morning_and_its_end(self, world: World) -> None:
        assert said(world, DAY + 2 * HOUR) == [], "the night goes on"
        (subject,) = said(world, MORNING)
        since = DAY - 12 * HOUR
        assert subject == f"main: no door has called since {since:%Y-%m-%d %H:%M} UTC, and 4 called the night before"
        assert said(world, MORNING + HOUR) == []
        assert said(world, MORNING + 20 * HOUR) == [], "it lasts, also in the next night"
        assert said(world, MORNING + 24 * HOUR)[0].startswith("Still: main: no door has called since")
        world.see(world.finished(1, 1, MORNING + 25 * HOUR))
        assert said(world, MORNING + 26 * HOUR)[0].startswith("Over: main: no door has called since")
        assert said(world, MORNING + 26 * HOUR) == []

    def test_one_door_that_called_is_enough(self, world: World) -> None:
        world.see(world.finished(1, 1, DAY + HOUR))
        assert said(world, MORNING) == []

    def test_few_doors_may_be_silent_by_chance(self, tmp_path: Path) -> None:
        (tmp_path / "few").mkdir()
        with serving(tmp_path / "few") as few:
            few.store.add_recipient(recipient(), None, few.occasion.event(AuditAction.SITE_CHANGED))
            few.see(*[few.finished(each, 1, DAY - 21 * HOUR) for each in range(2)])
            assert said(few, MORNING) == []

    def test_a_cut_path_explains_it(self, world: World) -> None:
        event = path_event(PathSays.CUT)
        world.store.add_path_events([event])
        from engage_server.services.site_path.fold import fold

        world.store.fold_path_events(fold, 99)
        assert world.store.link_standings("main")
        assert said(world, MORNING) == []

    def test_missing_evidence_says_nothing(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world.confirmations, "gaps", lambda: ["a host is silent"])
        assert said(world, MORNING) == []
        monkeypatch.undo()
        assert len(said(world, MORNING)) == 1


class TestLog:
    """The audit log is verified once a day."""

    def test_a_changed_entry_is_said(self, world: World) -> None:
        alerting = Alerting(world)
        assert alerting.check.run(NOW)
        assert not Alerting(world).check.run(NOW + 23 * HOUR), "one node, once a day"
        assert said(world, NOW) == []
        with writing(world.store._engine) as connection:
            connection.execute(text("UPDATE audit_events SET actor = 'somebody else' WHERE id = 2"))
        assert alerting.check.run(NOW + 24 * HOUR)
        (subject,) = said(world, NOW + 24 * HOUR)
        assert subject == "the audit log is broken: entry 2 was changed: its hash does not match"

    def test_a_check_that_did_not_end_is_begun_again(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        verdict = world.store.audit_verdict

        def killed() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(world.store, "audit_verdict", killed)
        with pytest.raises(KeyboardInterrupt):
            Alerting(world).check.run(NOW)
        monkeypatch.setattr(world.store, "audit_verdict", verdict)
        assert not Alerting(world).check.run(NOW + 0.5 * HOUR), "it may go on elsewhere"
        assert Alerting(world).check.run(NOW + HOUR)


class TestBackups:
    """The newest run counts."""

    def test_a_failed_drill_and_its_end(self, world: World) -> None:
        world.store.record_backup_run(_run(NOW, ""))
        assert said(world, NOW) == []
        world.store.record_backup_run(_run(NOW + HOUR, "the chain differs"))
        (subject,) = said(world, NOW + HOUR)
        assert subject.startswith("backups: the drill of ") and subject.endswith("on one failed: the chain differs")
        world.store.record_backup_run(_run(NOW + 2 * HOUR, ""))
        assert said(world, NOW + 2 * HOUR)[0].startswith("Over: backups: the drill")
        assert {each.message.kind for each in world.store.outbox(9)} == {AlertKind.DRILL_FAILED}

    def test_one_that_was_never_made_has_half_an_hour(self, world: World) -> None:
        """Nightly backups were switched on just now, or this host starts: the first one is made within minutes."""
        alerting = Alerting(world)
        alerting.is_nightly = True

        def count(now: datetime) -> int:
            alerting.watch.run(world.store.recipients(), now)
            return len(world.store.outbox(9))

        assert [count(NOW), count(NOW + 0.4 * HOUR), count(NOW + 0.6 * HOUR)] == [0, 0, 1]
        restarted = Alerting(world)
        restarted.is_nightly = True
        restarted.watch.run(world.store.recipients(), NOW + 0.7 * HOUR)
        assert len(world.store.outbox(9)) == 1, "it is not over because a host has restarted"


def _run(at: datetime, why: str) -> BackupRun:
    return BackupRun(BackupStep.DRILLED, at, not why, "engage.tar.gz", "one", 3.0, why)


class TestSilentHosts:
    """A host that stopped without a sign-off takes along what waits on its disk."""

    @pytest.fixture
    def far(self, world: World) -> World:
        """Two hosts report."""
        for number, host in enumerate(("gate-1", "gate-2")):
            world.store.heartbeat(WorkerStatus(f"https {number} on {host}", host, number, "https", 1, {"main": 1}, {}))
        return world

    @staticmethod
    def heard(world: World, host: str, minutes: float) -> None:
        """Let a host's last report be so long ago."""
        with writing(world.store._engine) as connection:
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            connection.execute(workers.update().where(workers.c.host == host).values(seen_at=at))

    def test_it_is_said_once_daily_and_its_end(self, far: World) -> None:
        far.store.report_spool("gate-2", 3000)
        assert said(far, NOW) == []
        self.heard(far, "gate-2", 4)
        assert said(far, NOW) == [], "somebody starts it again"
        self.heard(far, "gate-2", 6)
        (subject,) = said(far, NOW)
        assert subject.startswith("host gate-2 is silent since ")
        assert subject.endswith(", and 2 KiB of sightings waited on its disk")
        assert said(far, NOW + HOUR) == []
        self.heard(far, "gate-1", 6)
        assert [each[:13] for each in said(far, NOW + HOUR)] == ["host gate-1 i"], "one more"
        assert len(said(far, NOW + 24 * HOUR)) == 1
        self.heard(far, "gate-2", 0)
        assert any(each.startswith("Over: host gate-2") for each in said(far, NOW + 26 * HOUR))

    def test_one_that_signed_off_before_all_was_stored(self, far: World) -> None:
        for host, waiting_bytes in (("gate-1", 0), ("gate-2", 3000)):
            far.store.report_spool(host, waiting_bytes)
        for worker in ("https 0 on gate-1", "https 1 on gate-2"):
            far.store.remove_worker(worker)
        assert said(far, NOW) == [], "somebody starts it again"
        with writing(far.store._engine) as connection:
            at = datetime.now(UTC) - timedelta(minutes=6)
            connection.execute(host_spools.update().values(said_at=at))
        (subject,) = said(far, NOW)
        assert (
            subject == f"host gate-2 signed off at {at:%Y-%m-%d %H:%M} UTC, and 2 KiB of sightings waited on its disk"
        )
        assert said(far, NOW + HOUR) == []
        far.store.report_spool("gate-2", 0)
        assert any(each.startswith("Over: host gate-2 signed off") for each in said(far, NOW + 2 * HOUR))

    def test_both_at_one_moment_are_two_alerts(self, far: World) -> None:
        for host in ("gate-1", "gate-2"):
            self.heard(far, host, 6)
        assert len(said(far, NOW)) == 2

    def test_who_sees_some_sites_only_does_not_hear_of_machines(self, far: World) -> None:
        event = far.occasion.event(AuditAction.SITE_CHANGED)
        far.store.add_recipient(replace(recipient("north"), sites=("main",)), None, event)
        self.heard(far, "gate-2", 6)
        said(far, NOW)
        assert {each.recipient for each in far.store.outbox(9)} == {recipient().name}
