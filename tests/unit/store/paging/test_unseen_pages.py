"""Devices that were never seen are on the first page, however many others come before them."""

import pytest

from engage_server.records import AuditAction, Device
from engage_server.store.interface import DeviceFilter
from engage_server.store.paging import device_pages
from tests.support.chains import NOW
from tests.support.world import World, serial_of


def test_the_first_page_has_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_pages, "MOST_EXAMINED", 3)
    world.add_site()
    listed = [Device(serial_of(number), "main", NOW) for number in range(1, 12)]
    world.store.add_devices(listed, "main", world.occasion.event(AuditAction.DEVICE_ADDED, "main"))
    world.see(*(world.finished(number, 1, NOW) for number in range(1, 10)))
    page = world.store.device_page("main", DeviceFilter(unseen=True), None, 2)
    assert [each.identity for each in page.items] == [serial_of(10), serial_of(11)]
    assert world.store.device_page("main", DeviceFilter(), None, 2).items[0].history is not None, "the control"
