"""The part of the store that holds the lists of devices, and what people call them."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from engage_server.errors import Conflict, NotFound
from engage_server.records import NO_LABEL, AuditAction, AuditEvent, Device, DeviceLabel
from engage_server.store.access import request_queries
from engage_server.store.database.engine import reading, writing
from engage_server.store.evidence import standing
from engage_server.store.interface import ListChange
from engage_server.store.labels import label_queries
from engage_server.store.queries import device_queries
from engage_server.store.queries.site_queries import site_id


class SqlDevices:
    """Implements that part of :class:`engage_server.store.interface.SiteStore`, whose docstrings apply."""

    _engine: Engine

    def add_device(self, device: Device, event: AuditEvent) -> bool:
        with writing(self._engine) as connection:
            standing.hold(connection)
            is_new = device_queries.insert_device(connection, device)
            standing.refresh(connection, [device.serial])
            before, now = _label(connection, device)
            if is_new:
                self._tell(connection, event, changes_serving=True)
            elif now != before:
                self._tell(connection, _named(event, device.serial, before, now), changes_serving=False)
            return is_new

    def add_devices(self, devices: Sequence[Device], site: str, event: AuditEvent) -> ListChange:
        with writing(self._engine) as connection:
            row_id = site_id(connection, site)
            standing.hold(connection)
            added = sum(device_queries.insert_device(connection, device) for device in devices)
            standing.refresh(connection, [device.serial for device in devices])
            named = _label_all(connection, row_id, {each.serial: each.label for each in devices if each.label})
            facts = {"added": str(added)} if added else {}
            if named:
                facts["named"] = str(named)
            if facts:
                action = event.action if added else AuditAction.DEVICE_NAMED
                self._tell(connection, replace(event, action=action, facts=facts), changes_serving=added > 0)
            return ListChange(added, named)

    def label_device(
        self,
        identity: str,
        site: str,
        event: AuditEvent,
        *,
        name: str | None,
        place: str | None,
        expected: DeviceLabel | None = None,
    ) -> DeviceLabel:
        with writing(self._engine) as connection:
            request_queries.hold_log(connection)
            row_id = site_id(connection, site)
            if not label_queries.is_known(connection, row_id, identity):
                raise NotFound(
                    f"site {site!r} knows no device {identity}",
                    f"Put it on the list first: engage device add SERIAL --site {site}",
                    code="device.not_found",
                )
            before = label_queries.select_labels(connection, row_id, [identity]).get(identity, NO_LABEL)
            if expected not in (None, before):
                raise Conflict(
                    f"device {identity} is called something else meanwhile, so nothing was done",
                    "Read it again. If the change is still right, send it with the new ETag.",
                    code="precondition.failed",
                )
            label = DeviceLabel(before.name if name is None else name, before.place if place is None else place)
            if label_queries.set_labels(connection, row_id, {identity: label}):
                self._tell(connection, _named(event, identity, before, label), changes_serving=False)
            return label

    def device_labels(self, site: str, identities: Collection[str]) -> Mapping[str, DeviceLabel]:
        with reading(self._engine) as connection:
            return label_queries.select_labels(connection, site_id(connection, site), identities)

    def has_labels(self, site: str) -> bool:
        with reading(self._engine) as connection:
            return label_queries.has_labels(connection, site_id(connection, site))

    def site_of_device(self, serial: str) -> str | None:
        with reading(self._engine) as connection:
            return device_queries.select_owner(connection, serial)

    def device_serials(self, site: str) -> Sequence[str]:
        with reading(self._engine) as connection:
            return device_queries.select_serials(connection, site)

    def devices_versions(self) -> Mapping[str, str]:
        with reading(self._engine) as connection:
            return device_queries.select_versions(connection)

    def callers_to_add(self, site: str, since: datetime) -> Sequence[str]:
        with reading(self._engine) as connection:
            return device_queries.select_callers_to_add(connection, site, since)

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""


def _label(connection: Connection, device: Device) -> tuple[DeviceLabel, DeviceLabel]:
    """Give a device those parts of its label that are not empty. Return its label before, and now."""
    row_id = site_id(connection, device.site)
    before = label_queries.select_labels(connection, row_id, [device.serial]).get(device.serial, NO_LABEL)
    now = _over(before, device.label)
    label_queries.set_labels(connection, row_id, {device.serial: now})
    return before, now


def _label_all(connection: Connection, row_id: int, wanted: Mapping[str, DeviceLabel]) -> int:
    before = label_queries.select_labels(connection, row_id, list(wanted))
    labels = {each: _over(before.get(each, NO_LABEL), label) for each, label in wanted.items()}
    return label_queries.set_labels(connection, row_id, labels)


def _over(before: DeviceLabel, label: DeviceLabel) -> DeviceLabel:
    return DeviceLabel(label.name or before.name, label.place or before.place)


def _named(event: AuditEvent, identity: str, before: DeviceLabel, now: DeviceLabel) -> AuditEvent:
    return replace(
        event,
        action=AuditAction.DEVICE_NAMED,
        facts={"device": identity, "name": now.name, "place": now.place},
        before={"name": before.name, "place": before.place},
    )
