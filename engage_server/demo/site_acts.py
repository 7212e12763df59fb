"""What is done at one site, by people and by strangers."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from engage_server.composition.operator_side import OperatorSide
from engage_server.demo.bodies import config_call, database
from engage_server.demo.calendar import SiteCalendar
from engage_server.demo.doors import Door
from engage_server.demo.front import Front
from engage_server.demo.people import ANNA, BERT, TOKEN
from engage_server.demo.sites import CAMPUS, CLINIC, DEPOT, DemoSite
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.protocol.json_body import write_json
from engage_server.records import (
    LINK_REGISTERED,
    CallIn,
    CallInWay,
    GatePolicy,
    Occasion,
    PathEvent,
    PathSays,
    RotationWay,
    Upstream,
)
from engage_server.services.chains.building import build_chain_folder
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.device_files.for_devices import FileForDevice, judged
from engage_server.services.rotation.request import RotationWish
from engage_server.services.sites.register import SiteChanges, SiteRequest, new_site_key
from engage_server.settings import Settings

_UPSTREAM = "https://access.demo.example"
_UNPROCESSABLE = 422
_NETWORKS = tuple(map(ipaddress.ip_network, ("198.18.0.0/15", "127.0.0.0/8")))  # the doors, and whoever looks at it
_STRANGER = "DE30FFFF000000000000000000000001"
_FIRST_DATABASE = 1
_DAYS_BEYOND = {CLINIC.name: 45, DEPOT.name: 40}  # that a site's first server certificate is good for after all nights

# the depot's SIM was suspended for one night long ago, and has been suspended for three nights now: a door that calls
# each night counts as silent after two and a half days. Its operator does not exist, so only its events are there
LINK = "demo-depot-sim"
_LAST = 3
_SIM = "8931440000000000001"
_SUSPENDED = {"thing": _SIM, "state": "SUSPENDED"}
_ACTIVE = {"thing": _SIM, "state": "ACTIVE"}


class SiteActs:
    """Acts at the sites of the demonstration.

    Args:
        side: Its services.
        front: Its servers' side.
        settings: Its settings.
        nights: How many nights there are.
    """

    def __init__(self, side: OperatorSide, front: Front, settings: Settings, nights: int) -> None:
        self._side, self._front, self._settings, self._nights = side, front, settings, nights

    def found(self, site: DemoSite, at: datetime) -> None:
        """Add a site with its first release. It is for trials: then what virtual locks do counts, and says so."""
        occasion = Occasion(ANNA, at, reason="a demonstration")
        request = SiteRequest(
            site.name,
            (site.host,),
            device_networks=_NETWORKS,
            make_default=site is CAMPUS,
            for_trials=True,
            title=site.title,
            time_zone=site.time_zone,
        )
        self._side.sites.add(request, new_site_key(), occasion)
        days = _DAYS_BEYOND.get(site.name)
        lifetimes = Lifetimes(server_days=None if days is None else self._nights + days)
        folder = self._settings.certs_dir / site.name
        build_chain_folder(folder, ChainPlan((site.host,), "Demonstration", lifetimes, str(at.year)), at)
        number = self._side.releases.stage(read_chain_folder(folder), site.name, occasion).release.number
        self._side.releases.activate(site.name, number, {}, occasion)

    def want_two_persons(self, at: datetime) -> None:
        """Let the campus need a second person."""
        occasion = Occasion(ANNA, at)
        site = self._side.sites.get(CAMPUS.name)
        reason = "no single person may cut two hundred doors off"
        self._side.sites.change(site, SiteChanges(approvals=1), reason, occasion)

    def list_doors(self, site: DemoSite, doors: Sequence[Door], at: datetime) -> None:
        """Put doors on a site's list, with their names and places."""
        labels = {door.serial: door.label for door in doors}
        occasion = Occasion(BERT, at, reason=f"{len(doors)} doors were commissioned")
        self._side.sites.add_list(list(labels), labels, site.name, occasion)

    def rename(self, door: Door, at: datetime) -> None:
        """Give a door another name."""
        occasion = Occasion(BERT, at, reason="its battery is weak; a new one is ordered")
        self._side.naming.name(door.serial, door.site, f"{door.label.name} (weak battery)", None, occasion)

    def deliver_databases(self, doors: Sequence[Door], at: datetime) -> None:
        """Let the access-control system give some doors a database."""
        for door in doors:
            value = judged(FileForDevice.DATABASE, write_json(database(_FIRST_DATABASE)))
            occasion = Occasion(f"token {TOKEN}", at)
            self._side.device_file_change.put(door.site, door.serial, FileForDevice.DATABASE, value, None, occasion)

    def rotate(self, site: DemoSite, way: RotationWay, policy: GatePolicy, who: str, reason: str, at: datetime) -> None:
        """Start a rotation with the keys that lie in the folder of chains."""
        occasion, certs = Occasion(who, at, reason=reason), self._settings.certs_dir
        wish = RotationWish(way=way, policy=policy)
        (request,) = self._side.rotation_requests.of_waves([(site.name,)], wish, certs, certs, occasion)
        self._side.rotations.start(request, occasion)

    def pass_on(self, site: DemoSite, at: datetime) -> None:
        """Let the call-ins of a site be passed on to a system that does not exist."""
        call_in = CallIn(way=CallInWay.UPSTREAM, upstream=Upstream(_UPSTREAM))
        reason = "the depot's doors are run by the carrier's own system"
        self._side.sites.change(
            self._side.sites.get(site.name), SiteChanges(call_in=call_in), reason, Occasion(ANNA, at)
        )

    def refuse_an_upload(self, site: DemoSite, at: datetime) -> None:
        """Keep the oldest upload that waits as that system keeps one that it refuses."""
        waiting = [each for uploads in self._side.uploads.pending(site.name).values() for each in uploads]
        if waiting:
            self._side.uploads.reject(waiting[0], _UNPROCESSABLE)

    def stranger_calls(self, site: DemoSite, at: datetime) -> None:
        """Let a device call that is on no list. It gets 404, and the site's call-ins say so."""
        self._front.at = at
        self._front.follow()
        self._front.call_ins.answer(config_call(_STRANGER, "198.18.255.1", site.host, at))


def cut_nights(nights: int) -> frozenset[int]:
    """The nights in which no call of the depot comes through: one long ago, and the last three.

    Args:
        nights: How many there are.
    """
    return frozenset((nights // 3 - 1, *range(nights - _LAST, nights)))


def path_events(
    side: OperatorSide, calendar: SiteCalendar, nights: int
) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
    """Each event of the link with its time, in no order.

    Args:
        side: The services of the demonstration.
        calendar: The depot's.
        nights: How many nights there are.
    """
    say = partial(_say, side)
    yield calendar.at(-1, 9), partial(say, LINK_REGISTERED, PathSays.NOTHING, {"partner": "sim"})
    cuts = cut_nights(nights)
    for night in range(-1, nights - 1):
        if night + 1 in cuts and night in cuts:
            continue
        if night + 1 in cuts:
            yield calendar.at(night, 17, 20), partial(say, "sim_suspended", PathSays.CUT, _SUSPENDED)
        else:
            yield calendar.at(night, 17, 20), partial(say, "sim_reachable", PathSays.WORKS, _ACTIVE)
        if night in cuts:
            yield calendar.at(night, 8, 35), partial(say, "sim_active", PathSays.RESTORED, _ACTIVE)


def _say(side: OperatorSide, kind: str, says: PathSays, detail: dict[str, str], at: datetime) -> None:
    side.path_recording.record([PathEvent(DEPOT.name, LINK, at, kind, says, detail)])
