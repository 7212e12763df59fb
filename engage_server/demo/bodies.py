"""The calls of a door's call-in in full, as the virtual lock makes them; and a database that a door may be given."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engage_server.demo.doors import Door, Trouble
from engage_server.demo.sites import DEPOT
from engage_server.lock.night_calls import CONFIG
from engage_server.protocol import paths
from engage_server.protocol.caller_serial import CallerClaims
from engage_server.records import Host
from engage_server.services.call_in.call import Call, CallKind

_LOW, _GOOD = 4410, 5830  # millivolts
_FIRMWARE = "3.9.2"
_DOWNLOADED, _CONNECTION_FAILED, _OPENED = "0B07", "0B05", "0301"


def calls_of(door: Door, host: Host, at: datetime) -> Iterator[Call]:
    """The calls of one night, in a door's order.

    At the depot only those that the servers keep: the others are passed on to a system that does not exist.

    Args:
        door: Which door.
        host: The host that it calls.
        at: When. Aware.
    """
    if door.site != DEPOT.name:
        yield config_call(door.serial, door.address, host, at, is_low=door.trouble is Trouble.BATTERY)
        yield _call(CallKind.DATABASE, "GET", f"{paths.DATABASE_PREFIX}0", door.serial, door.address, host, since="0")
    codes = [_OPENED, _CONNECTION_FAILED if door.trouble is Trouble.REPORTS else _DOWNLOADED]
    events = [{"event": code, "eventData": "0000", "timestamp": _stamp(at)} for code in codes]
    body = {"serialNumber": door.serial, "audits": events}
    yield _call(CallKind.AUDIT, "POST", paths.AUDIT, door.serial, door.address, host, body)


def config_call(serial: str, address: str, host: Host, at: datetime, *, is_low: bool = False) -> Call:
    """The first call of a night, with the parameters of the device.

    Args:
        serial: The serial number that it names. It may be on no list.
        address: Where it calls from.
        host: The host that it calls.
        at: When. Aware.
        is_low: Whether its battery is nearly empty.
    """
    voltage = _LOW if is_low else _GOOD
    body = {"serialNumber": serial, "time": _stamp(at), "batteryVoltage": voltage, "fwVersion": _FIRMWARE}
    return _call(CallKind.CONFIG, "PUT", CONFIG, serial, address, host, body)


def database(version: int) -> dict[str, Any]:
    """A database that opens nothing but a demonstration's door.

    Args:
        version: Greater than the one before.
    """
    schedule = {"id": 1, "days": "1111100", "from": "0700", "to": "1900"}
    return {"nxtDbVerTS": f"0x{version:016X}", "db": {"usrRcrd": {"add": []}, "schedules": [schedule], "holidays": []}}


def _call(
    kind: CallKind,
    method: str,
    target: str,
    serial: str,
    address: str,
    host: Host,
    body: dict[str, Any] | None = None,
    since: str = "",
) -> Call:
    is_first = kind in (CallKind.CONFIG, CallKind.AUDIT)
    return Call(
        kind=kind,
        method=method,
        target=target,
        claims=CallerClaims(serial, None, ""),
        since=since,
        body=b"" if body is None else json.dumps(body, separators=(",", ":")).encode("ascii"),
        content_type="" if body is None else "application/json",
        authorization="",
        host=host.text,
        address=address,
        local="",
        secure=True,
        said_before=None if is_first else serial,
        marked=True,
    )


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")
