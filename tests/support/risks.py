"""What is known of a site where nothing is at risk, and of a door that is well."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from engage_server.records import DeviceHistory
from engage_server.services.releases.expiry import Expiry
from engage_server.services.risk.known import Prospect, SiteKnown
from tests.support.chains import NOW
from tests.support.world import serial_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNTIL = NOW + 12 * HOUR
FAR = NOW + 300 * DAY
HOST = "engage.example.org"


def calm(**other: Any) -> SiteKnown:
    """A site where nothing is at risk. Its doors met release 1; those that met release 2 hold another anchor."""
    ends = (Expiry("main", "server", FAR), Expiry("main", "intermediate", FAR), Expiry("main", "root", FAR))
    known = SiteKnown(
        site="main",
        now=NOW,
        until=UNTIL,
        hosts=(HOST,),
        served=1,
        ends=ends,
        prospects={(1, 1, False): Prospect(anchor_ends=FAR)},
    )
    return replace(known, **other)


def well(number: int = 1, **other: Any) -> DeviceHistory:
    """One that called an hour ago, has called each night, and holds the anchor of release 1."""
    last = NOW - HOUR
    known = DeviceHistory("main", serial_of(number), NOW - 10 * DAY, last, 11, last + 60 * HOUR)
    kept: dict[str, Any] = {
        "fetched_release": 1,
        "finished_release": 1,
        "finished_at": last,
        "home": f"192.0.2.{number}",
        "tls_nights": 10,
        "host": HOST,
    }
    return replace(known, **kept | other)
