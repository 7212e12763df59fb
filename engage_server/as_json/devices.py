"""Devices, and the events of their audits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from engage_server.as_json.call_faults import CallFaultJson, call_faults_json
from engage_server.as_json.formats import Instant, Shape
from engage_server.as_json.uploads import DeviceEventJson, GivenDatabaseJson, events_json, given_json
from engage_server.records import DeviceHistory, Grade
from engage_server.services.device_files.exchange import DeviceEvent
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.evidence.device_view import DeviceView

GradeName = Literal["never_seen", "notice", "certificate", "handshake", "authenticated"]
_GRADE_NAMES: dict[Grade, GradeName] = {
    Grade.NEVER_SEEN: "never_seen",
    Grade.NOTICE: "notice",
    Grade.CERTIFICATE: "certificate",
    Grade.HANDSHAKE: "handshake",
    Grade.AUTHENTICATED: "authenticated",
}


class TroubleJson(Shape):
    """What seems to be wrong with a device, as far as it can be seen from outside."""

    code: str
    """Stable, for scripts. More codes may be added."""
    cause: str
    """The likely cause."""
    mend: str
    """What to do."""


class ElsewhereJson(Shape):
    """Another address that is said to be the device's. What comes from there proves nothing."""

    address: str
    """The other address."""
    since: Instant | None
    """When the device was first seen there since its last call from its usual address."""
    seen_at: Instant | None
    """When it was last seen there."""
    nights: int
    """On how many days (UTC) it was seen there."""
    finished_release: int | None
    """The release whose chain was accepted there last. Null: none."""
    finished_at: Instant | None
    """When that was. Null: never."""


class ReachedJson(Shape):
    """How far a device came with one release."""

    grade: GradeName
    """The best grade that was seen. Each proves more than the one before."""
    at: Instant
    """When it first reached that grade."""


class HistoryJson(Shape):
    """What a device did. For a device that was never seen, times are null and counts are 0."""

    first_seen: Instant | None
    """When it was first seen."""
    last_seen: Instant | None
    """When it was last seen, at any address."""
    nights: int
    """On how many days (UTC) it was seen."""
    due_at: Instant | None
    """When it will have missed its habit of calling, unless it calls before."""
    finished_release: int | None
    """The release whose chain it accepted last, from its usual address."""
    finished_at: Instant | None
    """When that was."""
    report: str | None
    """What its audits last reported of a download, a hash or a connection: an event code, and its data if any."""
    reported_at: Instant | None
    """When that report came."""
    anchor_failed_at: Instant | None
    """When it reported that it did not accept an anchor. Null: it did not, or it has since accepted one."""
    fetched_release: int | None
    """The release whose trust anchor it downloaded last."""
    host: str | None
    """The host that it called last. Null: it named none."""
    address: str | None
    """Its usual address."""
    address_since: Instant | None
    """Since when that is its usual address."""
    address_seen_at: Instant | None
    """When it last called from there."""
    tls_nights: int
    """On how many days (UTC) it finished a TLS handshake from there."""
    elsewhere: ElsewhereJson | None
    """Another address that is said to be this device's. Null: none."""
    contested: bool
    """Whether it alternates between two addresses. Then neither proves anything."""
    authenticated_release: int | None
    """The release with which it last proved itself by a token."""
    authenticated_at: Instant | None
    """When that was."""
    authenticated_nights: int
    """On how many days (UTC) it proved itself by a token."""
    releases: dict[str, ReachedJson]
    """How far it came with each release that it met, by the release's number."""


class DeviceJson(HistoryJson):
    """A device, and what is known of it."""

    device: str
    """Its serial number. For a device that never sent one: the address that it calls from."""
    serial: str | None
    """Its serial number: 32 hexadecimal digits. Null: it never sent one."""
    name: str | None
    """What people call it, such as ``North entrance``. Null: it has no name."""
    place: str | None
    """Where it is, such as ``Building 3, ground floor``. Null: nobody said."""
    site: str
    """The name of its site."""
    stranger: bool
    """Whether its site has a list and it is not on it. No rotation counts it then."""
    grade: GradeName | None
    """How far it came with the release that was asked for. Null: no release was asked for."""
    nights_since: int | None
    """Whole days since it was last seen. Null: it was never seen."""
    trouble: TroubleJson | None
    """What seems to be wrong with it. Null: nothing does."""
    disregarded: dict[str, int]
    """How many recent sightings do not count, by the reason. Empty in lists: only one device alone is asked."""


class KnownDeviceJson(DeviceJson):
    """A device with all that is known of it at this host."""

    database: GivenDatabaseJson | None
    """Null: it never asked this host for a database."""
    events: list[DeviceEventJson]
    """The events of its audits and alerts, oldest first. Those that went to an upstream system are not here."""
    call_in_faults: list[CallFaultJson]
    """Why its call-ins were not answered lately, newest last."""


class AddedDevicesJson(Shape):
    """What became of a list of devices."""

    site: str
    """The name of the site."""
    added: int
    """How many of them were on no list before."""
    already_there: int
    """How many of them were on the site's list already."""


class DeviceNameJson(Shape):
    """What people call a device."""

    serial: str
    """Its serial number."""
    site: str
    """The name of the site."""
    name: str | None
    """What people call it, such as ``North entrance``. Null: it has no name."""
    place: str | None
    """Where it is, such as ``Building 3, ground floor``. Null: nobody said."""


class ForgottenDeviceJson(Shape):
    """A device of which nothing is known any more at its site."""

    serial: str
    """Its serial number."""
    site: str
    """The name of the site."""


# the same keys as of a device that was seen: a table made of rows has the same columns in each
_NEVER_SEEN: HistoryJson = {
    "first_seen": None,
    "last_seen": None,
    "nights": 0,
    "due_at": None,
    "finished_release": None,
    "finished_at": None,
    "report": None,
    "reported_at": None,
    "anchor_failed_at": None,
    "fetched_release": None,
    "host": None,
    "address": None,
    "address_since": None,
    "address_seen_at": None,
    "tls_nights": 0,
    "elsewhere": None,
    "contested": False,
    "authenticated_release": None,
    "authenticated_at": None,
    "authenticated_nights": 0,
    "releases": {},
}


def grade_name(grade: Grade) -> GradeName:
    """A grade's name for scripts."""
    return _GRADE_NAMES[grade]


def device_json(view: DeviceView) -> DeviceJson:
    """What is known of a device."""
    known, diagnosis = view.history, view.diagnosis
    return {
        "device": view.identity,
        "serial": view.serial,
        "name": view.label.name or None,
        "place": view.label.place or None,
        "site": view.site,
        "stranger": view.is_stranger,
        "grade": grade_name(view.grade) if view.grade is not None else None,
        "nights_since": view.silent_nights,
        "trouble": {"code": diagnosis.code, "cause": diagnosis.cause, "mend": diagnosis.mend} if diagnosis else None,
        **(_NEVER_SEEN if known is None else _history_json(known)),
        "disregarded": dict(view.disregarded),
    }


def known_device_json(
    view: DeviceView, given: GivenDatabase | None, events: Sequence[DeviceEvent], faults: Sequence[CallFault]
) -> KnownDeviceJson:
    """A device with all that is known of it at this host.

    Args:
        view: The device.
        given: Its last database call; None if it never asked this host.
        events: The events of its audits and alerts, oldest first.
        faults: Why its own call-ins were not answered, newest last.
    """
    return {
        **device_json(view),
        "database": given_json(given),
        "events": events_json(events),
        "call_in_faults": call_faults_json(faults, {view.identity: view.label}),
    }


def _history_json(known: DeviceHistory) -> HistoryJson:
    return {
        "first_seen": known.first_seen.isoformat(),
        "last_seen": known.last_seen.isoformat(),
        "nights": known.nights,
        "due_at": known.due_at.isoformat(),
        "finished_release": known.finished_release or None,
        "finished_at": _iso(known.finished_at),
        "report": known.report or None,
        "reported_at": _iso(known.reported_at),
        "anchor_failed_at": _iso(known.anchor_failed_at),
        "fetched_release": known.fetched_release or None,
        "host": known.host or None,
        "address": known.home or None,
        "address_since": _iso(known.home_since),
        "address_seen_at": _iso(known.home_seen_at),
        "tls_nights": known.tls_nights,
        "elsewhere": _elsewhere_json(known) if known.away else None,
        "contested": known.is_contested,
        "authenticated_release": known.authenticated_release or None,
        "authenticated_at": _iso(known.authenticated_at),
        "authenticated_nights": known.authenticated_nights,
        "releases": {
            str(number): {"grade": grade_name(reached.grade), "at": reached.reached_at.isoformat()}
            for number, reached in sorted(known.releases.items())
        },
    }


def _elsewhere_json(known: DeviceHistory) -> ElsewhereJson:
    return {
        "address": known.away,
        "since": _iso(known.away_since),
        "seen_at": _iso(known.away_seen_at),
        "nights": known.away_nights,
        "finished_release": known.away_release or None,
        "finished_at": _iso(known.away_finished_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
