"""An installation in memory and on disk, for tests that stand above the store."""

import ipaddress
from datetime import timedelta
from pathlib import Path

from engage_server.pki.authority import ChainPlan
from engage_server.records import AnchorRole, Host, Secret
from engage_server.services.audit import Occasion
from engage_server.services.chain_building import build_chain_folder
from engage_server.services.chain_folder import read_chain_folder
from engage_server.services.distribution import Distribution
from engage_server.services.releases import Releases
from engage_server.services.sites import SiteRequest, Sites
from engage_server.services.snapshot import take_snapshot
from engage_server.store import schema
from engage_server.store.engine import create_sqlite_file, open_engine
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from tests.chains import HOSTS, NOW, SITE_KEY

PORT = 8080


class World:
    """Sites and releases over a SQLite store, with time in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        url = f"sqlite:///{folder / 'engage.db'}"
        create_sqlite_file(url)
        engine = open_engine(url)
        sealer = Sealer(Secret(bytes(32)))
        schema.upgrade(engine, sealer)
        self.store = SqlStore(engine, sealer)
        self.sites = Sites(self.store)
        self.releases = Releases(self.store)
        self.occasion = Occasion("tester", NOW)
        self._chains = 0

    def add_site(
        self,
        name: str = "main",
        hosts: tuple[Host, ...] = HOSTS,
        key: Secret = SITE_KEY,
        anchor: AnchorRole = AnchorRole.ROOT,
        networks: tuple[str, ...] = (),
    ) -> None:
        """Add a site."""
        parsed = tuple(ipaddress.ip_network(network) for network in networks)
        self.sites.add(SiteRequest(name, hosts, anchor, parsed), key, self.occasion)

    def chain_folder(self, hosts: tuple[Host, ...] = HOSTS) -> Path:
        """A fresh chain on disk."""
        self._chains += 1
        folder = self.folder / f"chain{self._chains}"
        build_chain_folder(folder, ChainPlan(hosts), NOW)
        return folder

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
