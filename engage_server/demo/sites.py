"""The three sites of the demonstration. Every name, title and host says what they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from engage_server.demo import places
from engage_server.demo.places import Building
from engage_server.records import Host


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One site.

    Attributes:
        name: Its name.
        title: What people call it.
        time_zone: Where it is.
        host: The host that its devices call. It is below ``.example``, which never leads anywhere (RFC 2606).
        buildings: Its buildings.
    """

    name: str
    title: str
    time_zone: str
    host: Host
    buildings: Sequence[Building]


CAMPUS = DemoSite(
    "demo-campus", "Demonstration: North Campus", "Europe/Berlin", Host("campus.demo.example"), places.CAMPUS
)
CLINIC = DemoSite(
    "demo-clinic", "Demonstration: Riverside Clinic", "America/New_York", Host("clinic.demo.example"), places.CLINIC
)
DEPOT = DemoSite(
    "demo-depot", "Demonstration: Harbour Depot", "Europe/Lisbon", Host("depot.demo.example"), places.DEPOT
)

ALL = (CAMPUS, CLINIC, DEPOT)
