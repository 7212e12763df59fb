"""Turns on one host: a lock of a folder, and a file beside it. When a process ends, its lock is free at once."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from engage_server.errors import NotPossible
from engage_server.file_locks import locked
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.links.journal.desk import Journal
from engage_server.links.sim.polling.turns import Look
from engage_server.records import PathEvent

POLLS_FOLDER = "sim/polls"
MEMORY_FILE = "memory.json"
_MAX_MEMORY_BYTES = 64 * 1024 * 1024


class HostTurns:
    """Implements :class:`.turns.Turns`.

    Args:
        links_folder: The folder of the links, ``data/links``. It must exist.
        journal: Where events go.
    """

    def __init__(self, links_folder: Path, journal: Journal) -> None:
        self._links_folder = links_folder
        self._journal = journal

    def look(self, account: str) -> Look:
        """Return what is known. Whether somebody has the turn shows when it is taken.

        Raises:
            FileNotUsable: The file cannot be read.
        """
        memory = memory_of(self._links_folder, account)
        return Look(_version(memory), is_held=False, memory=memory)

    def take(self, account: str, look: Look) -> "HostTurn | None":
        """Take a turn.

        Raises:
            FileNotUsable: The folder cannot be made or locked.
        """
        folder = folder_of(self._links_folder, account)
        for each in (folder.parent.parent, folder.parent, folder):
            make_folder(each, within=self._links_folder)
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder, 0))
            except NotPossible as error:
                if error.code == "lock.busy":
                    return None
                raise
            if self.look(account) != look:
                return None
            return HostTurn(folder, self._journal, held.pop_all())


class HostTurn:
    """A turn of this host. Implements :class:`.turns.Turn`.

    Args:
        folder: The account's.
        journal: Where events go.
        held: Its lock.
    """

    def __init__(self, folder: Path, journal: Journal, held: ExitStack) -> None:
        self._folder = folder
        self._journal = journal
        self._held = held

    def hold(self) -> bool:
        """Return True: the lock lasts as long as the process."""
        return True

    def end(self, memory: str, events: Sequence[PathEvent]) -> bool:
        """Keep events, then remember. If it is interrupted in between, the events come again with the same keys.

        Raises:
            FileNotUsable: The file cannot be written.
        """
        with self._held:
            if not self._journal.record(events):
                return False
            replace_file(self._folder / MEMORY_FILE, memory.encode(), SECRET_MODE)
            return True

    def drop(self) -> None:
        """Give the turn back."""
        self._held.close()


def folder_of(links_folder: Path, account: str) -> Path:
    """Return the folder of one account."""
    return links_folder / POLLS_FOLDER / account


def memory_of(links_folder: Path, account: str) -> str:
    """Return what this host remembers of an account. "" for nothing.

    Raises:
        FileNotUsable: It cannot be read.
    """
    path = folder_of(links_folder, account) / MEMORY_FILE
    return read_file(path, limit=_MAX_MEMORY_BYTES).decode("utf-8", "replace") if path.exists() else ""


def _version(memory: str) -> int:
    return int.from_bytes(hashlib.sha256(memory.encode()).digest()[:8], "big")
