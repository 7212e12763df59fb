"""Renames a site, while no server runs.

Workers write the site's name: in sightings, and as the folders of devices' files and of uploads. So no worker may
run during a rename. The order of the steps lets an interrupted rename be finished by running it again:

1. Check that the new name is free, no worker is alive, and no rotation needs the site.
2. Move this host's spool into the store, under the old name.
3. Rename the folders of the site.
4. Change the store in one transaction, and seal the keys again, because a seal includes the site's name.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from engage_server.errors import Conflict
from engage_server.records import LIVE_WITHIN, AuditAction, Occasion
from engage_server.services.sites.open_rotations import assert_in_no_open_rotation
from engage_server.services.sites.register import assert_site_name
from engage_server.store.interface import RotationStore, SiteStore, WorkerStore


class RenamingStore(SiteStore, RotationStore, WorkerStore, Protocol):
    """The part of the store that a rename needs."""


class Renaming:
    """Renames sites.

    Args:
        store: Holds the sites.
        parents: The folders in which each site has a folder with its name.
        store_spool: Moves this host's spool into the store.
    """

    def __init__(self, store: RenamingStore, parents: Sequence[Path], store_spool: Callable[[], None]) -> None:
        self._store = store
        self._parents = tuple(parents)
        self._store_spool = store_spool

    def rename(self, name: str, new: str, reason: str, occasion: Occasion) -> None:
        """Give a site another name. It keeps its key, releases, list, evidence and files.

        Args:
            name: The site's name.
            new: Its new name.
            reason: The reason for the audit log; may be "".
            occasion: Who and when.

        Raises:
            UsageError: A site cannot have the new name.
            NotFound: There is no such site.
            Conflict: The new name is taken, a worker is alive, or a rotation needs the site.
            NotPossible: The spool is in use, or a folder cannot be renamed.
        """
        assert_site_name(new)
        self._store.site(name)
        self._assert_free(name, new)
        self._assert_nobody_writes(name)
        self._store_spool()
        for parent in self._parents:
            if (parent / name).is_dir():
                (parent / name).rename(parent / new)
        event = occasion.because(reason).event(AuditAction.SITE_RENAMED, new, name=new)
        self._store.rename_site(name, new, replace(event, before={"name": name}))

    def _assert_free(self, name: str, new: str) -> None:
        if any(site.name == new for site in self._store.sites()):
            raise Conflict(f"site {new!r} already exists", f"See it: engage site show {new}", code="site.exists")
        for parent in self._parents:
            if (parent / new).exists() and (parent / name).exists():
                raise Conflict(
                    f"{parent / new} already exists",
                    "It belongs to no site. Move it away, and run this again.",
                    code="site.folder",
                )

    def _assert_nobody_writes(self, name: str) -> None:
        alive = [*self._store.workers(LIVE_WITHIN), *self._store.silent_workers(LIVE_WITHIN)]
        if alive:
            hosts = ", ".join(sorted({worker.host for worker in alive}))
            raise Conflict(
                f"servers run on {hosts} and record contacts under the name {name!r}",
                "Stop the servers on every host, and run this again. If a host is gone: engage host list",
                code="site.served",
            )
        assert_in_no_open_rotation(self._store, name)
