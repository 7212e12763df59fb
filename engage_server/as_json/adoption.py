"""How far the devices of a site are with a release."""

from engage_server.as_json.formats import Shape
from engage_server.records import Adoption, Doubt, SuspectDevice
from engage_server.services.releases.reception import Reception
from engage_server.services.rotation.adoption_nights import AdoptionByNight


class CrowdJson(Shape):
    """An address where devices finished handshakes although it is the usual address of none of them."""

    address: str
    """The address."""
    devices: int
    """How many devices were named there."""


class SuspectDeviceJson(Shape):
    """One device as an example of its kind."""

    identity: str
    """Its serial number, or its address if it sends none."""
    home: str
    """Its usual address."""
    away: str
    """The other address where it was seen. Empty for none."""
    name: str | None
    """What people call it, such as ``North entrance``. Null: it has no name."""
    place: str | None
    """Where it is, such as ``Building 3``. Null: nobody said."""


class AdoptionJson(Shape):
    """How far the devices of a site have adopted a release. Only devices that were well before it count."""

    devices: int
    """How many devices count."""
    confirmed: int
    """Of them, those that have finished a handshake with the release from their usual address."""
    waiting: int
    """Of them, those that are not due yet, and those ``behind_cut``."""
    behind_cut: int
    """Of those waiting: they are late, and the path to the site is or was cut. So they may come."""
    refused: int
    """Of them, those that refused the chain and did not come back. The release may have cut them off."""
    silent: int
    """Of them, those that missed their habit of calling. The release may have cut them off."""
    moved: int
    """Of them, those that missed their habit and were seen at another address. They prove nothing."""
    doubtful: dict[Doubt, int]
    """Of them, those that prove nothing for other reasons, by the reason. More reasons may be added."""
    new: int
    """Devices that were first seen since the release is served. They do not count."""
    elsewhere: int
    """Devices that were seen at another address only. They do not count; whether they should is not known."""
    strangers: int
    """Devices that are on no list of the site. They do not count."""
    crowds: list[CrowdJson]
    """Addresses that claim to be several devices, the largest first."""
    examples: dict[str, list[SuspectDeviceJson]]
    """A few devices of each kind, by the name of its field here or by the doubt."""


class NightJson(Shape):
    """How far the doors were in the morning after one night."""

    date: str
    """The day at the site on which it began, such as ``2026-11-26``."""
    confirmed: int
    """How many doors had come through by then."""


class AdoptionNightsJson(Shape):
    """How the doors came through with the release that is served."""

    release: int
    """Its number."""
    devices: int
    """How many doors count."""
    missing: int
    """With at most so many doors missing, the gate goes on."""
    lost: int
    """With more than so many doors lost, the gate goes back."""
    nights: list[NightJson]
    """The last 60 nights since it is served, oldest first. The last one is the present one, as it is so far."""


class ReceptionJson(Shape):
    """How the devices of a site respond to its release, by the anchors that they hold."""

    devices: int
    """How many devices have finished TLS here."""
    hold: int
    """Of them, those that hold the anchor of this release."""
    refuse: int
    """Of them, those that fail TLS until they have fetched the new anchor."""
    may_refuse: int
    """How many more may do so: it is not known which anchor they hold."""
    refusing: list[str]
    """Some of those that refuse."""
    never_finished: int
    """Devices that were seen but never finished TLS. Nothing is known of their anchor."""
    unseen: int
    """Devices that are on the list but were never seen."""
    strangers: int
    """Devices that finished TLS but are not on the list."""


def adoption_json(adoption: Adoption) -> AdoptionJson:
    """How far the devices are."""
    return {
        "devices": adoption.devices,
        "confirmed": adoption.confirmed,
        "waiting": adoption.waiting,
        "behind_cut": adoption.excused,
        "refused": adoption.refused,
        "silent": adoption.silent,
        "moved": adoption.moved,
        "doubtful": dict(adoption.doubtful),
        "new": adoption.new,
        "elsewhere": adoption.elsewhere,
        "strangers": adoption.strangers,
        "crowds": [{"address": crowd.address, "devices": crowd.devices} for crowd in adoption.crowds],
        "examples": {kind: [_example_json(each) for each in found] for kind, found in adoption.examples.items()},
    }


def adoption_nights_json(adoption: AdoptionByNight) -> AdoptionNightsJson:
    """The nights of a site."""
    return {
        "release": adoption.release,
        "devices": adoption.devices,
        "missing": adoption.missing,
        "lost": adoption.lost,
        "nights": [{"date": each.date.isoformat(), "confirmed": each.confirmed} for each in adoption.nights],
    }


def reception_json(reception: Reception) -> ReceptionJson:
    """How the devices respond to a release, by the anchors that they hold."""
    return {
        "devices": reception.devices,
        "hold": reception.hold,
        "refuse": reception.refuse,
        "may_refuse": reception.may_refuse,
        "refusing": [each.identity for each in reception.refusing],
        "never_finished": reception.never_finished,
        "unseen": reception.unseen,
        "strangers": reception.strangers,
    }


def _example_json(device: SuspectDevice) -> SuspectDeviceJson:
    label = device.label
    return {
        "identity": device.identity,
        "home": device.home,
        "away": device.away,
        "name": label.name or None,
        "place": label.place or None,
    }
