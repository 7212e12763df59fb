"""Hosts that share the files of a site: each with its own data folder, all on one database."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engage_server.files import make_folder
from engage_server.protocol.json_body import write_json
from engage_server.records import Occasion
from engage_server.services.call_in.call import CallAnswer, CallKind, KnownCall
from engage_server.services.call_in.delivering.delivery import UploadDelivery
from engage_server.services.call_in.delivering.upload_spool import FOR_DATABASE, UpstreamSpool
from engage_server.services.call_in.from_files import FileAnswers
from engage_server.services.call_in.from_shared import SharedAnswers
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.device_files.for_devices import FileForDevice
from engage_server.services.shared_files.copy import SharedCopy
from engage_server.services.shared_files.destinations import StoreDestination
from engage_server.services.shared_files.device_copy import Copied
from engage_server.services.shared_files.exchange import EitherExchange
from engage_server.services.shared_files.feed import EitherFeed
from engage_server.services.shared_files.for_devices import EitherFileChange, EitherFiles
from engage_server.services.shared_files.moving import SharedMoving
from engage_server.services.shared_files.place import has_heard_lately, read_place
from engage_server.services.shared_files.waiting import EitherWaiting
from engage_server.store.interface.shared_files import UploadLimits
from engage_server.store.sql_store import SqlStore
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.disk import PLENTY, room_in

WHO = Occasion("tester", NOW)


def database(version: int, **more: Any) -> dict[str, Any]:
    """A database that harms no device, with as many users as its version says."""
    users = {"deleteAll": 1, "delete": [], "update": [], "add": [{"usrID": each} for each in range(1, version + 1)]}
    return {"db": {"usrRcrd": users, "schedules": [{}]}, "config": {}, "nxtDbVerTS": f"0x{version:016X}", **more}


class Node:
    """One host."""

    def __init__(self, folder: Path, store: SqlStore, limits: UploadLimits | None = None) -> None:
        self.store = store
        self.data = folder / "data"
        make_folder(self.data)
        room = room_in(self.data, folder / "spool")
        self.folders = DeviceFolders(self.data, room)
        self.spool = UpstreamSpool(room, waiting=FOR_DATABASE)
        self.destination = StoreDestination(store, limits or UploadLimits(PLENTY, PLENTY), 1000)
        self.now = NOW
        self.later = 0.0  # seconds by which this host's clock has gone on since it was last heard
        self.restart()
        folders = DeviceFolders(self.data)
        self.files = EitherFiles(folders, store)
        self.change = EitherFileChange(store, self.files)
        self.exchange = EitherExchange(folders, store)
        self.feed = EitherFeed(self.data, folders, store)
        self.waiting = EitherWaiting(self.spool, folders, store)
        self.moving = SharedMoving(store, folders, self.data)

    def restart(self) -> None:
        """The processes are new ones."""
        folders = DeviceFolders(self.data)
        self.copy = SharedCopy(self.store, folders, self.data)
        self.answers = SharedAnswers(
            self.folders,
            self.spool,
            lambda site, serial: read_place(self.data, site).is_complete,
            None,
            is_newest=lambda site: has_heard_lately(self.data, site, time.time() + self.later),
        )
        self.from_files = FileAnswers(self.folders, None)
        self.delivery = UploadDelivery("main", self.spool, self.destination)

    def put(self, serial: str, value: dict[str, Any], file: FileForDevice = FileForDevice.DATABASE) -> str:
        """Give a device a file, as the API does."""
        return self.change.put("main", serial, file, value, None, WHO).version

    def follow(self) -> Copied:
        """Copy what changed."""
        standing = self.store.shared_standing("main")
        return Copied() if standing is None else self.copy.follow("main", standing)

    def get(self, serial: str, since: str = "0", *, shared: bool = True) -> CallAnswer:
        """A device asks for its database."""
        answers = self.answers if shared else self.from_files
        return answers.answer(self._known(CallKind.DATABASE, serial, None, since))

    def post(self, serial: str, value: Any, kind: CallKind = CallKind.AUDIT, *, trial: bool = False) -> int:
        """A device sends something. Returns the status."""
        return self.answers.answer(self._known(kind, serial, value, "", trial=trial)).status

    def deliver(self, seconds: int = 0) -> None:
        """Deliver what waits, some time later."""
        self.now += timedelta(seconds=seconds)
        self.delivery.run(self._clock)

    def uploads(self) -> list[Any]:
        """What operators see of the site's uploads."""
        items = self.feed.page("main", None, 1000).items
        return [each.entry["upload"] for each in items if each.entry is not None]

    def _clock(self) -> datetime:
        return self.now

    def _known(self, kind: CallKind, serial: str, value: Any, since: str, *, trial: bool = False) -> KnownCall:
        body = b"" if value is None else write_json(value)
        return KnownCall(call_in(kind, body, since=since), "main", serial, value, self.now, trial)


def filled(node: Node, serial: str) -> None:
    """Give a host a device's folder as it is without sharing: two databases, a configuration, and what came."""
    with node.folders.open("main", serial) as folder:
        folder.put_database(database(1))
        folder.put_database(database(2))
        folder.put("configuration.json", {"invalidAttempts": 5})
        folder.put_parameters({"fw": 1}, NOW)
        folder.collect(Collection.AUDITS, [{"event": "0B07"}], NOW)
    path = node.data / "main" / serial / "database.json"
    path.write_text(path.read_text().replace(":", ": "))  # as a person may have written it
    node.get(serial, shared=False)
