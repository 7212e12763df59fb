"""Devices, and the events of their audits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engage_server.records import DeviceHistory
from engage_server.services.device_files.exchange import DeviceEvent
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.evidence.device_view import DeviceView

# the same keys as of a device that was seen: a table made of rows has the same columns in each
_NEVER_SEEN: dict[str, Any] = {
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


def device_json(view: DeviceView) -> dict[str, Any]:
    """What is known of a device."""
    known = view.history
    value: dict[str, Any] = {
        "device": view.identity,
        "serial": view.serial,
        "site": view.site,
        "stranger": view.is_stranger,
        "grade": view.grade.name.lower() if view.grade is not None else None,
        "nights_since": view.silent_nights,
        "trouble": None,
    }
    if view.diagnosis is not None:
        value["trouble"] = {
            "code": view.diagnosis.code,
            "cause": view.diagnosis.cause,
            "mend": view.diagnosis.mend,
        }
    return value | (_NEVER_SEEN if known is None else _history_json(known)) | {"disregarded": dict(view.disregarded)}


def events_json(events: Sequence[DeviceEvent]) -> list[dict[str, str]]:
    """The events of a device's audits."""
    return [
        {
            "received_at": each.received_at,
            "device_time": each.device_time,
            "upload": each.upload,
            "code": each.code,
            "sentence": each.sentence,
        }
        for each in events
    ]


def given_json(given: GivenDatabase | None) -> dict[str, str] | None:
    """Which database a device asked with, and which it was given last."""
    if given is None:
        return None
    return {"given": given.version, "asked_with": given.asked_with, "at": given.at.isoformat()}


def _history_json(known: DeviceHistory) -> dict[str, Any]:
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
            str(number): {"grade": reached.grade.name.lower(), "at": reached.reached_at.isoformat()}
            for number, reached in sorted(known.releases.items())
        },
    }


def _elsewhere_json(known: DeviceHistory) -> dict[str, Any]:
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
