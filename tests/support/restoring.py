"""Restores of one backup, interrupted where a test wants."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from engage_server.composition.backups import recovery
from engage_server.composition.backups.recovery import Recovered, RecoveryRequest, recover
from engage_server.composition.backups.recovery_key import recovery_key
from engage_server.records import Occasion
from engage_server.settings import load_settings
from tests.support.chains import NOW
from tests.support.installation import make_installation
from tests.support.running import engage, ok
from tests.support.world import serial_of

OCCASION = Occasion("tester", NOW, reason="the host is lost")
UPLOAD = "spool/upstream/main/0000000000000001/000000000001.json"


def make_backup(folder: Path) -> Path:
    """A backup of an installation with a device's file and a waiting upload. Its key is beside it, and its head."""
    installation = folder / "before"
    installation.mkdir()
    make_installation(installation)
    for name in (f"main/{serial_of(1)}/database.json", UPLOAD):
        path = installation / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"of": "then"}')
    ok(engage(installation, "device", "add", serial_of(1), "--site", "main"))
    ok(engage(installation, "backup", "create", "backup.tar.gz"))
    shutil.move(installation / "backup.tar.gz", folder / "backup.tar.gz")
    shutil.copy(installation / "engage.kek", folder / "kept.kek")
    return folder / "backup.tar.gz"


def request_for(backup: Path, place: Path, url: str = "", **changes: Any) -> RecoveryRequest:
    """A restore of that backup into a folder, and a database."""
    place.mkdir(exist_ok=True)
    environment = {"ENGAGE_DATABASE_URL": url} if url else {}
    settings = load_settings(None, environment, {}, place)
    kek = backup.parent / "kept.kek"
    request = RecoveryRequest(backup, settings, place, recovery_key(settings, environment, kek), kek)
    return replace(request, **changes)


def restored(request: RecoveryRequest) -> Recovered:
    """The restore, to its end."""
    return recover(request, OCCASION)


def killed(request: RecoveryRequest, *, before: str = "", at_sync: int = 0, at_table: str = "") -> bool:
    """Whether a restore was killed (kill -9): before a step of ``recovery``, or at its n-th wait for the disk.

    Or when the rows of a table are about to be read, and those of the tables before are written.
    """
    child = os.fork()
    if not child:
        _arm(before, at_sync)
        try:
            recover(request, OCCASION, progress=lambda sentence: _die() if sentence == f"{at_table}: 0" else None)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _arm(before: str, at_sync: int) -> None:
    if before:
        setattr(recovery, before, _die)
    left, sync = [at_sync], os.fsync

    def counted(descriptor: Any) -> None:
        left[0] -= 1
        if not left[0]:
            _die()
        sync(descriptor)

    setattr(os, "fsync", counted)  # noqa: B010  # its own type has more


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
