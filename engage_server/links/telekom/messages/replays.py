"""Which messages were accepted within the last minutes: none is accepted twice."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from engage_server.files import make_folder, open_file
from engage_server.links.telekom.messages.names import LIFETIME, SKEW

MOST = 200_000  # what 200 messages a second leave in six minutes, and twice that much again
_COUNT_AGAIN = 256  # after so many of our own, names are counted again: other workers write, too


class ReplaysFull(Exception):
    """So many messages are remembered that a further one cannot be."""


class Replays(Protocol):
    """Remembers accepted messages until they have expired."""

    def claim(self, digest: str, expires: datetime, at: datetime) -> bool:
        """Whether this message is new. True for exactly one caller.

        Args:
            digest: Of the signature's bytes, in hex: they differ for any two messages.
            expires: From the message's own Timestamp, which is signed: the same each time.
            at: Now.

        Raises:
            ReplaysFull: It cannot be remembered, and so must not be accepted.
        """

    def forget(self, digest: str, expires: datetime) -> None:
        """Let a message be sent again: it was accepted, but nothing could be done with it."""


class FolderReplays:
    """Remembers messages in a folder that all workers of a host share: one empty file for each.

    A file is made with ``O_EXCL``, so that of two workers one gets it. It lies in a folder for the minute in which its
    message expires. Whole folders are removed once no message of theirs can be accepted.

    Nothing is forced onto the disk. After a power failure within its six minutes a message could be accepted twice.

    Args:
        folder: Where. It is made when it is first needed.
        most: How many messages are remembered for one minute of expiry, about.
    """

    def __init__(self, folder: Path, most: int = MOST // 6) -> None:
        self._folder = folder
        self._most = most
        self._counts: dict[Path, int] = {}

    def claim(self, digest: str, expires: datetime, at: datetime) -> bool:
        """Whether this message is new."""
        minute = self._minute(expires)
        if minute not in self._counts:
            self._sweep(at)
            make_folder(minute)
            self._counts[minute] = 0
        if self._counts.get(minute, 0) % _COUNT_AGAIN == 0 and sum(1 for _ in minute.iterdir()) >= self._most:
            raise ReplaysFull
        try:
            self._make(minute / digest)
        except FileExistsError:
            return False
        self._counts[minute] = self._counts.get(minute, 0) + 1  # another thread may have swept it
        return True

    def forget(self, digest: str, expires: datetime) -> None:
        """Let a message be sent again."""
        (self._minute(expires) / digest).unlink(missing_ok=True)

    def _make(self, name: Path) -> None:
        """Make a file that must not exist, also if somebody removed its folder."""
        for last in (False, True):
            try:
                os.close(open_file(name, os.O_WRONLY | os.O_EXCL))
                return
            except FileNotFoundError:
                if last:
                    raise
                make_folder(name.parent)

    def _minute(self, expires: datetime) -> Path:
        return self._folder / expires.astimezone(UTC).strftime("%Y%m%dT%H%MZ")

    def _sweep(self, at: datetime) -> None:
        """Remove what can no longer be accepted. Another worker may do the same at this moment."""
        for minute in self._old(at - SKEW - timedelta(minutes=1)):
            for each in minute.iterdir():
                each.unlink(missing_ok=True)
            try:
                minute.rmdir()
            except OSError:  # another worker was quicker
                continue
        oldest = self._minute(at - SKEW - timedelta(minutes=1)).name
        self._counts = {minute: count for minute, count in self._counts.items() if minute.name >= oldest}

    def _old(self, before: datetime) -> Iterator[Path]:
        if self._folder.is_dir():
            oldest = self._minute(before).name
            yield from [minute for minute in self._folder.iterdir() if minute.name < oldest]


# how long a message may be accepted: from one whose clock is behind to the end of its life here
REMEMBERED = LIFETIME + 2 * SKEW
