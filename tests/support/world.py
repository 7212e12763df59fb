"""An installation in memory and on disk, for tests that stand above the store."""

import ipaddress
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.lock.acceptance.judge import DeviceJudge
from engage_server.lock.limits import DeviceLimits
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.pki.keys import generate_key
from engage_server.records import (
    AnchorRole,
    CallIn,
    CallInWay,
    Host,
    Occasion,
    RotationWay,
    Secret,
    Sighting,
    SightingKind,
)
from engage_server.services.call_in.call import Answerer
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.call_in.from_files import FileAnswers
from engage_server.services.call_in.from_upstream import UpstreamAnswers
from engage_server.services.chains.authority import find_authority
from engage_server.services.chains.building import build_chain_folder
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.device_files.fault_journal import FaultJournal
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import take_snapshot
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.fold import fold
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.installation.overview import Overview
from engage_server.services.releases.confirmation import Confirmations
from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.lifecycle import Releases, chain_of
from engage_server.services.risk.tonight import Tonight
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.site_path.paths import SitePaths
from engage_server.services.sites.enrolment_days import EnrolmentDays
from engage_server.services.sites.register import SiteChanges, SiteRequest, Sites
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import HOSTS, NOW, SITE_KEY
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.disk import room_in
from tests.support.rsa_keys import keeping

PORT = 8080


@cache
@keeping()
def _throwaway(count: int) -> list[rsa.RSAPrivateKey]:
    """Made once for the whole run."""
    return [generate_key() for _ in range(count)]


def judge_for(anchor: AnchorRole) -> DeviceJudge:
    """What a device would say of a chain."""
    return DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)


def address_of(device: int) -> str:
    """The address that the device of this number calls from, unless a test says otherwise."""
    return f"192.0.2.{device % 256}"


@contextmanager
def serving(folder: Path) -> Iterator["World"]:
    """A world with one site, main, that serves its first release: a copy of one that each process makes once."""
    for path, (content, mode) in _with_a_release().items():
        (folder / path).parent.mkdir(mode=0o700, exist_ok=True)
        (folder / path).touch(mode)
        (folder / path).write_bytes(content)
    with World(folder, chains=1) as world:
        yield world


@cache
@keeping()
def _with_a_release() -> dict[Path, tuple[bytes, int]]:
    """The database and the folder of its chain: content and mode. Nothing in them says where they lie."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with World(folder) as world:
            world.add_site()
            world.release()
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mode & 0o777) for path in files}


def told_by(act: Callable[..., None], *arguments: Any) -> list[str]:
    """What an act tells of its steps."""
    told: list[str] = []
    act(*arguments, tell=told.append)
    return told


def serial_of(device: int) -> str:
    """A serial number for the device of this number."""
    return f"{0xA0B1000000000000 + device:032X}"


class World:
    """Sites and releases over a SQLite store, with time in the test's hand.

    Args:
        folder: Where it lies. A database that is there is taken.
        chains: How many chains lie beside it.
    """

    def __init__(self, folder: Path, chains: int = 0) -> None:
        self.folder = folder
        path = folder / "engage.db"
        self.store = SqlStore(open_engine(f"sqlite:///{path}" if path.exists() else migrated_sqlite(path)), SEALER)
        self.open_on(self.store)
        self.occasion = Occasion("tester", NOW)
        self.enrolment: EnrolmentDays | None = None
        self.nameless = 600
        self._chains = chains
        self._segments = 0
        self._seen_until = NOW

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the database's connections back."""
        self.store.close()

    def open_on(self, store: Any) -> None:
        """The services, on this store or on something around it."""
        self.sites = Sites(store)
        self.releases = Releases(store)
        self.confirmations = Confirmations(store)
        self.rotations = Rotations(store, self.releases, self.confirmations, judge_for, _throwaway)
        self.evidence = DeviceEvidence(store, SitePaths(store).cut)
        self.held_anchors = HeldAnchors(store, judge_for)
        self.overview = Overview(store, self.rotations, self.confirmations, self.held_anchors)
        self.tonight = Tonight(store, judge_for, self.held_anchors, self.confirmations)

    def add_site(
        self,
        name: str = "main",
        hosts: tuple[Host, ...] = HOSTS,
        key: Secret = SITE_KEY,
        anchor: AnchorRole = AnchorRole.ROOT,
        networks: tuple[str, ...] = (),
        *,
        for_trials: bool = False,
    ) -> None:
        """Add a site."""
        parsed = tuple(ipaddress.ip_network(network) for network in networks)
        self.sites.add(SiteRequest(name, hosts, anchor, parsed, for_trials=for_trials), key, self.occasion)

    def chain_folder(self, hosts: tuple[Host, ...] = HOSTS, lifetimes: Lifetimes | None = None) -> Path:
        """A fresh chain on disk."""
        self._chains += 1
        folder = self.folder / f"chain{self._chains}"
        build_chain_folder(folder, ChainPlan(hosts, lifetimes=lifetimes or Lifetimes()), NOW)
        return folder

    def serve_for_another_host(self, site: str = "main") -> int:
        """Serve a release whose certificate is for no host of the site, as an operator may who accepts the errors."""
        material = read_chain_folder(self.chain_folder((Host("elsewhere.test"),)))
        number = self.releases.stage(material, site, self.occasion).release.number
        errors = self.releases.check(site, number, self.occasion).errors
        self.releases.activate(site, number, {each.code: "tried" for each in errors}, self.occasion)
        return number

    def request(self, way: RotationWay, site: str = "main", **other: Any) -> RotationRequest:
        """A rotation with the keys that lie in the world's folder."""
        current = self.releases.current(site) or 0
        found = find_authority(self.folder, chain_of(self.store.release(site, current)), None)
        self._chains += 1
        folder = self.folder / f"rotation{self._chains}"
        return replace(RotationRequest(site, way, folder, found.keys), **other)

    def see(self, *found: Sighting) -> None:
        """Let the evidence take these sightings, in the order in which they are given."""
        self._segments += 1
        self._seen_until = max(self._seen_until, *(sighting.at for sighting in found))
        assert self.store.record_sightings(f"seen{self._segments}", 0, 1, found, fold, self._seen_until)

    def finished(self, device: int, release: int, at: datetime, site: str = "main", address: str = "") -> Sighting:
        """A device's handshake with a release, from its own address."""
        address = address or address_of(device)
        return Sighting(SightingKind.HANDSHAKE_FINISHED, at, "https", address, serial_of(device), site, release)

    def call_ins(self, distribution: Distribution, sightings: Sightings | None = None, now: datetime = NOW) -> CallIns:
        """What answers call-ins, on the folder of this world; :attr:`told` holds what operators would hear of."""
        self.room = room = room_in(self.folder / "data", self.folder / "spool", clock=now.timestamp)
        folders = DeviceFolders(self.folder / "data", room)
        self.uploads = UpstreamSpool(room)
        ways: dict[CallInWay, Answerer] = {
            CallInWay.FILES: FileAnswers(folders, sightings),
            CallInWay.UPSTREAM: UpstreamAnswers(
                lambda: distribution.snapshot.call_ins, self.uploads, sightings, 4, now.timestamp, self._hear
            ),
        }
        self.told: list[str] = []
        self.call_faults = FaultJournal(self.folder / "data" / "faults")
        return CallIns(
            distribution,
            folders,
            ways,
            sightings,
            now.timestamp,
            self._hear,
            self.enrolment,
            self.nameless,
            self.call_faults,
        )

    def _hear(self, sentence: str) -> None:
        self.told.append(sentence)

    def answer_call_ins(self, call_in: CallIn, name: str = "main") -> None:
        """Let a site answer call-ins in this way."""
        self.sites.change(self.store.site(name), SiteChanges(call_in=call_in), "", self.occasion)

    def release(self, name: str = "main", *, activate: bool = True) -> int:
        """Stage a fresh chain for a site, and activate it."""
        material = read_chain_folder(self.chain_folder(self.store.site(name).hosts))
        number = self.releases.stage(material, name, self.occasion).release.number
        if activate:
            self.releases.activate(name, number, {}, self.occasion)
        return number

    def later(self, **time: int) -> Occasion:
        """The same operator, some time later."""
        return Occasion("tester", NOW + timedelta(**time))

    def distribution(self) -> Distribution:
        """What a server would serve now."""
        distribution = Distribution()
        distribution.publish(take_snapshot(self.store, PORT, with_private_keys=True))
        return distribution
