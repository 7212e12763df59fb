"""What is said of a device whose downloads are nobody's, or another site's: the facts come from both databases."""

from collections.abc import Iterator

import pytest

from engage_server.records import (
    AnchorRole,
    AuditAction,
    AuditEvent,
    Device,
    Host,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.fold import fold
from engage_server.services.sites.register import new_site_key
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.world import serial_of

NAT = "192.0.2.1"


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    for name, key in (("main", SITE_KEY), ("north", new_site_key())):
        event = AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, name)
        store.add_site(Site(name, (Host(f"{name}.example"),), AnchorRole.ROOT, name == "main", (), NOW), key, event)
    yield store
    store.close()


def notice(device: int, address: str = NAT, site: str = "main") -> Sighting:
    return Sighting(SightingKind.NOTICE, NOW, "http", address, serial_of(device), site, 1)


def download(address: str = NAT) -> Sighting:
    return Sighting(SightingKind.CERTIFICATE, NOW, "http", address, None, "main", 1)


def see(store: SqlStore, *found: Sighting) -> None:
    for number, each in enumerate(found):
        assert store.record_sightings(f"seen{number}", 0, 1, [each], fold, NOW)


def listed(store: SqlStore, site: str, *devices: int) -> None:
    for device in devices:
        event = AuditEvent(NOW, "tester", AuditAction.DEVICE_ADDED, site)
        store.add_device(Device(serial_of(device), site, NOW), event)


def trouble_of(store: SqlStore, device: int) -> str:
    """The code and the cause, the same in both views."""
    evidence = DeviceEvidence(store)
    (shown,) = evidence.device(serial_of(device), NOW)
    rows = evidence.devices(shown.site, NOW, troubled=True)
    (row,) = [each for each in rows if each.identity == serial_of(device)]
    assert row.diagnosis == shown.diagnosis
    return text_of(shown)


def text_of(view: DeviceView) -> str:
    assert view.diagnosis is not None
    return f"{view.diagnosis.code}: {view.diagnosis.cause}. {view.diagnosis.mend}"


class TestADownloadAtASharedAddress:
    """It carries no serial number."""

    def test_both_causes_are_named(self, store: SqlStore) -> None:
        see(store, notice(1), download(), notice(2), download(), notice(2), download())
        found = trouble_of(store, 2)
        assert found.startswith("no_download: it asked for the notice 2 times. Several devices call from 192.0.2.1")
        assert "not known whether it downloaded" in found
        assert "another site key" in found
        assert "cert_url" in found
        assert "downloaded nothing" not in found

    def test_alone_at_its_address_it_is_its_own(self, store: SqlStore) -> None:
        see(store, notice(2), download(), notice(2), download(), notice(1, "192.0.2.9"))
        assert trouble_of(store, 2).startswith("no_return: ")

    def test_alone_without_a_download_the_address_in_the_notice_is_the_cause(self, store: SqlStore) -> None:
        see(store, notice(2), notice(2), notice(1, "192.0.2.9"), notice(3, NAT, "north"))
        found = trouble_of(store, 2)
        assert "downloaded nothing: it cannot reach the address in it" in found
        assert "site key" not in found

    def test_a_neighbour_that_has_its_home_elsewhere_shares_it_too(self, store: SqlStore) -> None:
        see(store, notice(1, "192.0.2.9"), notice(1), notice(2), notice(2))
        assert "not known whether it downloaded" in trouble_of(store, 2)


class TestListedAtAnotherSite:
    """Its own site never sees it."""

    def test_both_sites_are_named(self, store: SqlStore) -> None:
        listed(store, "north", 1, 2)
        see(store, notice(1), notice(1))
        evidence = DeviceEvidence(store)
        (shown,) = evidence.device(serial_of(1), NOW)
        assert shown.site == "main"
        assert text_of(shown).startswith("other_site: it is listed at north, but calls a host of main")
        (row,) = evidence.devices("north", NOW, troubled=True)
        assert (row.identity, text_of(row)) == (serial_of(1), text_of(shown))
        troubles = [(each.identity, each.diagnosis is not None) for each in evidence.devices("north", NOW)]
        assert troubles == [(serial_of(1), True), (serial_of(2), False)]

    def test_the_limit_counts_them(self, store: SqlStore) -> None:
        listed(store, "north", 1, 2)
        see(store, notice(1), notice(2), notice(3, "192.0.2.9", "north"), notice(3, "192.0.2.9", "north"))
        evidence = DeviceEvidence(store)
        for limit, count in ((1, 1), (2, 2), (3, 3), (9, 3), (None, 3)):
            assert len(evidence.devices("north", NOW, troubled=True, limit=limit)) == count

    def test_one_that_its_own_site_saw_has_none(self, store: SqlStore) -> None:
        listed(store, "north", 1)
        see(store, notice(1), notice(1, NAT, "north"))
        evidence = DeviceEvidence(store)
        assert [each.diagnosis for each in evidence.device(serial_of(1), NOW)] == [None, None]
        assert evidence.devices("north", NOW, troubled=True) == []
