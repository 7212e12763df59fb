"""Devices on KPN SIMs, and messages to them. In the caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound
from engage_server.records import Downlink, DownlinkChannel, DownlinkStatus, KpnDevice, SimType
from engage_server.store.link_tables import kpn_devices, kpn_downlinks

_OPEN = (DownlinkStatus.QUEUED, DownlinkStatus.EXECUTING)


def insert_device(connection: Connection, device: KpnDevice) -> None:
    """Add a device.

    Raises:
        Conflict: It is registered already.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                kpn_devices.insert().values(
                    imei=device.imei,
                    link=device.link,
                    iccid=device.iccid,
                    msisdn=device.msisdn,
                    rate_plan=device.rate_plan,
                    sim_type=device.sim_type.value,
                    secret_sealed=device.sealed_secret,
                    added_at=device.added_at,
                )
            )
    except IntegrityError:
        raise Conflict(
            f"the device with IMEI {device.imei} is registered already",
            f"To register it again, remove it first: engage kpn device remove {device.imei}",
            code="kpn_device.exists",
        ) from None


def delete_device(connection: Connection, imei: str) -> None:
    """Remove a device and the messages to it.

    Raises:
        NotFound: There is no such device.
    """
    connection.execute(delete(kpn_downlinks).where(kpn_downlinks.c.imei == imei))
    if not connection.execute(delete(kpn_devices).where(kpn_devices.c.imei == imei)).rowcount:
        raise _no_device(imei)


def select_devices(connection: Connection, imei: str | None = None) -> list[KpnDevice]:
    """Return all devices, or the one with this IMEI, if there is one."""
    query = select(kpn_devices).order_by(kpn_devices.c.imei)
    if imei is not None:
        query = query.where(kpn_devices.c.imei == imei)
    return [
        KpnDevice(
            imei=row.imei,
            link=row.link,
            iccid=row.iccid,
            msisdn=row.msisdn,
            rate_plan=row.rate_plan,
            sim_type=SimType(row.sim_type),
            sealed_secret=row.secret_sealed,
            added_at=row.added_at,
        )
        for row in connection.execute(query)
    ]


def insert_downlink(
    connection: Connection, imei: str, channel: DownlinkChannel, content: str, at: datetime
) -> Downlink:
    """Add a message, and let the oldest one of the device execute.

    Raises:
        NotFound: There is no such device.
    """
    _hold_device(connection, imei)
    queued = kpn_downlinks.insert().values(
        imei=imei,
        channel=channel.value,
        content=content,
        status=DownlinkStatus.QUEUED.value,
        queued_at=at,
        changed_at=at,
    )
    number = connection.scalar(queued.returning(kpn_downlinks.c.number)) or 0
    _execute_next(connection, imei, channel, at)
    return select_downlink(connection, number)


def select_downlink(connection: Connection, number: int) -> Downlink:
    """Return one message.

    Raises:
        NotFound: There is no such message.
    """
    row = connection.execute(select(kpn_downlinks).where(kpn_downlinks.c.number == number)).first()
    if row is None:
        raise NotFound(
            f"there is no downlink {number}", "List them: engage kpn downlink list", code="downlink.not_found"
        )
    return _downlink(row)


def select_downlinks(connection: Connection, imei: str | None, status: DownlinkStatus | None) -> list[Downlink]:
    """Return messages, oldest first."""
    query = select(kpn_downlinks).order_by(kpn_downlinks.c.number)
    if imei is not None:
        query = query.where(kpn_downlinks.c.imei == imei)
    if status is not None:
        query = query.where(kpn_downlinks.c.status == status.value)
    return [_downlink(row) for row in connection.execute(query)]


def cancel(connection: Connection, number: int, at: datetime) -> Downlink:
    """Cancel a message, and let the next one execute.

    Raises:
        NotFound: There is no such message.
        Conflict: It is over already.
    """
    found = select_downlink(connection, number)
    _hold_device(connection, found.imei)
    moved = _move(connection, number, _OPEN, DownlinkStatus.CANCELLED, at)
    if not moved:
        status = select_downlink(connection, number).status
        raise Conflict(
            f"downlink {number} is {status} already", "List them: engage kpn downlink list", code="downlink.is_over"
        )
    _execute_next(connection, found.imei, found.channel, at)
    return select_downlink(connection, number)


def end(connection: Connection, number: int, status: DownlinkStatus, at: datetime) -> bool:
    """Move an executing message to another status, and let the next one execute. False if it is not executing."""
    row = connection.execute(select(kpn_downlinks).where(kpn_downlinks.c.number == number)).first()
    if row is None:
        return False
    _hold_device(connection, row.imei)
    if not _move(connection, number, (DownlinkStatus.EXECUTING,), status, at):
        return False
    _execute_next(connection, row.imei, DownlinkChannel(row.channel), at)
    return True


def execute_waiting(connection: Connection, at: datetime) -> int:
    """Let the oldest message execute of each device that has waiting ones and none that executes. Return how many."""
    waiting = select(kpn_downlinks.c.imei, kpn_downlinks.c.channel).distinct()
    queued = waiting.where(kpn_downlinks.c.status == DownlinkStatus.QUEUED.value)
    executing = waiting.where(kpn_downlinks.c.status == DownlinkStatus.EXECUTING.value)
    found = connection.execute(queued.except_(executing)).all()
    for row in found:
        _hold_device(connection, row.imei)
        _execute_next(connection, row.imei, DownlinkChannel(row.channel), at)
    return len(found)


def _move(
    connection: Connection, number: int, before: tuple[DownlinkStatus, ...], after: DownlinkStatus, at: datetime
) -> bool:
    wanted = (kpn_downlinks.c.number == number) & kpn_downlinks.c.status.in_([each.value for each in before])
    statement = update(kpn_downlinks).where(wanted).values(status=after.value, changed_at=at)
    return connection.execute(statement).rowcount == 1


def _execute_next(connection: Connection, imei: str, channel: DownlinkChannel, at: datetime) -> None:
    """Let the oldest queued message execute, unless one does. The device's row is held."""
    of_device = (kpn_downlinks.c.imei == imei) & (kpn_downlinks.c.channel == channel.value)
    executing = of_device & (kpn_downlinks.c.status == DownlinkStatus.EXECUTING.value)
    if connection.execute(select(kpn_downlinks.c.number).where(executing)).first() is not None:
        return
    queued = of_device & (kpn_downlinks.c.status == DownlinkStatus.QUEUED.value)
    oldest = select(kpn_downlinks.c.number).where(queued).order_by(kpn_downlinks.c.number).limit(1)
    number = connection.scalar(oldest)
    if number is not None:
        _move(connection, number, (DownlinkStatus.QUEUED,), DownlinkStatus.EXECUTING, at)


def _hold_device(connection: Connection, imei: str) -> None:
    """Let one transaction at a time move the messages of a device.

    Raises:
        NotFound: There is no such device.
    """
    held = select(kpn_devices.c.imei).where(kpn_devices.c.imei == imei).with_for_update()
    if connection.execute(held).first() is None:
        raise _no_device(imei)


def _no_device(imei: str) -> NotFound:
    return NotFound(
        f"there is no device with IMEI {imei}",
        "List them: engage kpn device list",
        code="kpn_device.not_found",
    )


def _downlink(row: Row[tuple[object, ...]]) -> Downlink:
    return Downlink(
        number=row.number,
        imei=row.imei,
        channel=DownlinkChannel(row.channel),
        content=row.content,
        status=DownlinkStatus(row.status),
        queued_at=row.queued_at,
        changed_at=row.changed_at,
    )
