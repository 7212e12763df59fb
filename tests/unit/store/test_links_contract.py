"""The contract of the links' part of ``store.interface``, on every database."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from engage_server.errors import Conflict, NotFound
from engage_server.records import (
    AuditAction,
    AuditEvent,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    LinkCut,
    LinkStanding,
    PathEvent,
    PathSays,
    SimType,
)
from engage_server.services.site_path.fold import fold
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import Folded
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.path_events import at, path_event, registered
from tests.support.rows import site
from tests.support.stored import audit_events

IMEI, OTHER = "490154203237518", "356938035643809"
HTTP, SMS = DownlinkChannel.HTTP, DownlinkChannel.SMS
QUEUED, EXECUTING = DownlinkStatus.QUEUED, DownlinkStatus.EXECUTING


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    yield store
    store.close()


def device(imei: str = IMEI) -> KpnDevice:
    """A device with everything."""
    return KpnDevice(imei, "sim", "8931440400000000001", "31970000001", "small", SimType.M2M_PLUS, b"sealed", NOW)


class TestEvents:
    """What links reported."""

    def test_events_come_back_newest_first(self, store: SqlStore) -> None:
        events = [path_event(PathSays.CUT, 1, key="a", size="3"), path_event(link="other"), path_event(site="else")]
        store.add_path_events(events)
        assert store.path_events(None, None, None, 10)[0].event == events[0]
        assert [each.event for each in store.path_events("main", None, None, 10)] == events[:2]
        assert [each.event for each in store.path_events(None, "other", None, 10)] == events[1:2]
        assert [each.event for each in store.path_events(None, None, at(1), 10)] == events[:1]
        assert len(store.path_events(None, None, None, 2)) == 2

    def test_one_key_of_a_link_is_one_event(self, store: SqlStore) -> None:
        store.add_path_events([path_event(key="a"), path_event(minutes=1, key="a")])
        store.add_path_events([path_event(minutes=2, key="a"), path_event(link="other", key="a")])
        store.add_path_events([path_event(), path_event()])
        keys = [each.event.key for each in store.path_events(None, "sim", None, 10)]
        assert sorted(keys) == ["", "", "a"]
        assert len(store.path_events(None, "other", None, 10)) == 1

    def test_a_part_of_a_file_is_stored_once(self, store: SqlStore) -> None:
        assert store.record_path_events("s", 0, 10, [path_event()], NOW)
        assert not store.record_path_events("s", 0, 10, [path_event()], NOW)
        assert not store.record_path_events("s", 5, 20, [path_event()], NOW)
        assert store.record_path_events("s", 10, 20, [path_event()], NOW)
        assert store.path_offsets(["s", "never"]) == {"s": 20}
        assert len(store.path_events(None, None, None, 10)) == 2

    def test_each_event_is_folded_once(self, store: SqlStore) -> None:
        store.add_path_events([registered(), path_event(minutes=1), path_event(PathSays.CUT, 2), path_event(link="b")])
        folds: list[int] = []

        def counting(known: Mapping[str, LinkStanding], events: Sequence[PathEvent]) -> Folded:
            folds.append(len(events))
            return fold(known, events)

        assert [store.fold_path_events(counting, 3) for _ in range(3)] == [3, 1, 0]
        assert folds == [3, 1]
        first, second = store.link_standings()
        assert (first.link, second.link) == ("b", "sim")
        assert (second.partner, second.trouble, second.trouble_since) == ("kpn", PathSays.CUT, at(2))
        assert store.link_standings("else") == []

    def test_of_trouble_that_lasts_one_event_is_kept(self, store: SqlStore) -> None:
        store.add_path_events([path_event(PathSays.CUT, minutes) for minutes in (0, 45, 90)])
        assert store.fold_path_events(fold, 10) == 3
        assert [each.event.at for each in store.path_events(None, None, None, 10)] == [at(0)]
        assert store.link_standings()[0].trouble_at == at(90)

    def test_a_moved_link_is_seen_from_both_sites(self, store: SqlStore, event: AuditEvent) -> None:
        for name in ("main", "second"):
            store.add_site(site(name), SITE_KEY, event)
        store.add_path_events([registered(), path_event(PathSays.CUT, 5), registered(60, site="second")])
        store.fold_path_events(fold, 10)
        assert [(each.is_removed, each.cuts) for each in store.link_standings("main")] == [
            (True, (LinkCut("main", at(5), at(60)),))
        ]
        store.rename_site("main", "depot", event)
        store.rename_site("second", "yard", event)
        store.add_path_events([path_event(PathSays.RESTORED, 90, site="yard")])
        store.fold_path_events(fold, 10)
        (old,), (new,) = store.link_standings("depot"), store.link_standings("yard")
        assert (old.cuts, new.cuts) == ((LinkCut("depot", at(5), at(60)),), (LinkCut("yard", at(60), at(90)),))
        store.remove_site("depot", event)
        assert (store.link_standings("depot"), len(store.link_standings("yard"))) == ([], 1)

    def test_a_removed_link_is_forgotten_with_its_events(self, store: SqlStore) -> None:
        removed = (path_event(PathSays.NOTHING, 1, link=each, kind="link_removed") for each in ("gone", "back"))
        store.add_path_events([path_event(), registered(link="back"), *removed, registered(2, link="back")])
        store.fold_path_events(fold, 10)
        store.forget_path_events(at(1))
        assert [(each.link, each.is_removed) for each in store.link_standings()] == [
            ("back", False),
            ("gone", True),
            ("sim", False),
        ]
        store.forget_path_events(at(2))
        assert [each.link for each in store.link_standings()] == ["back", "sim"]

    def test_old_events_go_once_they_are_folded(self, store: SqlStore) -> None:
        store.add_path_events([path_event(), path_event(minutes=5)])
        assert store.forget_path_events(at(1)) == 0
        store.fold_path_events(fold, 10)
        assert store.forget_path_events(at(1)) == 1
        assert [each.event.at for each in store.path_events(None, None, None, 10)] == [at(5)]
        assert store.link_standings()[0].works_since == NOW

    def test_a_renamed_site_keeps_its_paths_and_a_removed_one_loses_them(
        self, store: SqlStore, event: AuditEvent
    ) -> None:
        for name in ("main", "second"):
            store.add_site(site(name), SITE_KEY, event)
        store.add_path_events([path_event(site="second")])
        store.fold_path_events(fold, 10)
        store.rename_site("second", "depot", event)
        assert [each.site for each in store.link_standings()] == ["depot"]
        assert len(store.path_events("depot", None, None, 10)) == 1
        store.remove_site("depot", event)
        assert store.link_standings() == []


class TestDevices:
    """Devices on KPN SIMs."""

    def test_a_device_comes_back_as_it_was(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_kpn_device(device(), event)
        store.add_kpn_device(replace(device(OTHER), sealed_secret=None), event)
        assert store.kpn_devices() == [replace(device(OTHER), sealed_secret=None), device()]
        assert len(audit_events(store)) == 2

    def test_a_device_is_registered_once(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_kpn_device(device(), event)
        with pytest.raises(Conflict, match="registered already"):
            store.add_kpn_device(device(), event)
        assert len(audit_events(store)) == 1

    def test_a_device_goes_with_its_messages(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_kpn_device(device(), event)
        store.queue_downlink(IMEI, HTTP, "[]", NOW, event)
        store.remove_kpn_device(IMEI, event)
        assert store.kpn_devices() == []
        assert store.downlinks() == []
        with pytest.raises(NotFound, match="no device with IMEI"):
            store.remove_kpn_device(IMEI, event)


class TestDownlinks:
    """Messages to devices: one of a device executes at a time."""

    @pytest.fixture(autouse=True)
    def _devices(self, store: SqlStore, event: AuditEvent) -> None:
        for imei in (IMEI, OTHER):
            store.add_kpn_device(device(imei), event)

    def _statuses(self, store: SqlStore, imei: str = IMEI) -> list[str]:
        return [each.status.value for each in store.downlinks(imei)]

    def test_the_oldest_executes_and_the_next_one_follows(self, store: SqlStore, event: AuditEvent) -> None:
        first, second = (store.queue_downlink(IMEI, HTTP, text, NOW, event) for text in ("[1]", "[2]"))
        other, sms = (
            store.queue_downlink(OTHER, HTTP, "[3]", NOW, event),
            store.queue_downlink(IMEI, SMS, "x", NOW, event),
        )
        assert [each.status for each in (first, second, other, sms)] == [EXECUTING, QUEUED, EXECUTING, EXECUTING]
        assert store.end_downlink(first.number, DownlinkStatus.DELIVERED, at(1))
        assert not store.end_downlink(first.number, DownlinkStatus.FAILED, at(2))
        assert self._statuses(store) == ["delivered", "executing", "executing"]
        assert store.downlinks(IMEI)[0].changed_at == at(1)
        assert [each.content for each in store.downlinks(status=EXECUTING)] == ["[2]", "[3]", "x"]
        assert not store.end_downlink(999, DownlinkStatus.DELIVERED, NOW)

    def test_one_that_is_cancelled_makes_way(self, store: SqlStore, event: AuditEvent) -> None:
        first, second, third = (store.queue_downlink(IMEI, HTTP, "[]", NOW, event) for _ in range(3))
        assert store.cancel_downlink(second.number, at(1), event).status is DownlinkStatus.CANCELLED
        assert self._statuses(store) == ["executing", "cancelled", "queued"]
        store.cancel_downlink(first.number, at(1), event)
        assert self._statuses(store) == ["cancelled", "cancelled", "executing"]
        with pytest.raises(Conflict, match="cancelled already"):
            store.cancel_downlink(first.number, at(1), event)
        with pytest.raises(NotFound, match="no downlink 999"):
            store.cancel_downlink(999, at(1), event)
        assert store.end_downlink(third.number, DownlinkStatus.DELIVERED, at(2))

    def test_the_audit_log_names_the_message(self, store: SqlStore, event: AuditEvent) -> None:
        queued = store.queue_downlink(IMEI, HTTP, "[]", NOW, replace(event, action=AuditAction.DOWNLINK_QUEUED))
        assert audit_events(store)[-1].facts["downlink"] == str(queued.number)
        with pytest.raises(NotFound):
            store.queue_downlink("1" * 15, HTTP, "[]", NOW, event)

    def test_many_at_once_leave_one_executing(self, store: SqlStore, event: AuditEvent) -> None:
        def queue() -> None:
            for _ in range(5):
                store.queue_downlink(IMEI, HTTP, "[]", NOW, event)

        threads = [threading.Thread(target=queue) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(self._statuses(store)) == ["executing", *["queued"] * 19]
