"""The file of one bulk: what it is to do, and each write before it is sent and after it was answered.

Each line is on the disk before anything else happens. So after a crash, too, it is known which Things are done and
which were never begun. Of the others nobody knows, and they are read before anything is repeated. The last line may be
torn. Then what it would have said did not happen yet.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

from engage_server.errors import EngageError, FileNotUsable, NotPossible
from engage_server.file_locks import hold
from engage_server.files import SECRET_MODE, open_file, read_file, write_new_file
from engage_server.links.sim.plans.outcomes import SETTLED, Counts, Failure, Outcome, Trouble
from engage_server.links.sim.plans.writes import Write, write_of

SUFFIX = ".bulk"
_MAX_BYTES = 512 * 1024 * 1024
_KEPT = 100
_END_BYTES = 256
_RESTORE = "Check what is done: engage sim list. Then begin a new bulk."


@dataclass(frozen=True, slots=True)
class BulkHead:
    """What a bulk is to do.

    Attributes:
        bulk: Its name, which is its file's.
        account: The NAME of ``[sim.NAME]``.
        write: What is done to each Thing.
        things: The Things, in order, without repetition.
        at: When it began; aware.
        actor: Who began it.
        reason: Why.
    """

    bulk: str
    account: str
    write: Write
    things: tuple[str, ...]
    at: datetime
    actor: str
    reason: str = ""


@dataclass(slots=True)
class BulkSoFar:
    """What the file of a bulk says.

    Attributes:
        head: What it is to do.
        outcomes: The last outcome of each Thing that was begun.
        troubles: Why, for those that failed and those of which nobody knows.
        is_over: Whether nothing is left to do.
        length: How many bytes of the file can be read. A torn line begins there.
    """

    head: BulkHead
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    is_over: bool = False
    length: int = 0

    def counts(self) -> Counts:
        """How far it is."""
        found = list(self.outcomes.values())
        unknown = found.count(Outcome.UNKNOWN) + found.count(Outcome.BEGUN)
        return Counts(len(self.head.things), found.count(Outcome.DONE), found.count(Outcome.FAILED), unknown)

    def failures(self) -> list[Failure]:
        """What did not work, in the order of the Things."""
        return [
            Failure(thing, self.outcomes[thing], trouble)
            for thing in self.head.things
            if (trouble := self.troubles.get(thing)) is not None
        ]

    def left(self) -> list[str]:
        """The Things that are not settled, in order."""
        return [thing for thing in self.head.things if self.outcomes.get(thing) not in SETTLED]

    def apply(self, thing: str, outcome: Outcome, trouble: Trouble | None) -> None:
        """Add one line."""
        self.outcomes[thing] = outcome
        if trouble is None:
            self.troubles.pop(thing, None)
        else:
            self.troubles[thing] = trouble


class BulkJournal:
    """Appends to the file of one bulk. Any thread may use it. Only one process can have it open.

    Args:
        file: The file, which :func:`begin_bulk` made.
        so_far: What it says.

    Attributes:
        so_far: What it says now.
        changed_at: When the process before wrote its last line, as a timestamp.

    Raises:
        NotPossible: Another process works on the same bulk (``sim.bulk_busy``).
        FileNotUsable: It cannot be written.
    """

    def __init__(self, file: Path, so_far: BulkSoFar) -> None:
        self.so_far = so_far
        self.changed_at = 0.0
        self._file = file
        self._writing = threading.Lock()
        try:
            self._descriptor = open_file(file, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise _unwritable(file, error) from None
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> "BulkJournal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)

    def write(self, thing: str, outcome: Outcome, trouble: Trouble | None = None) -> None:
        """Write down what became of one Thing. When it returns, that is on the disk.

        Raises:
            FileNotUsable: It cannot be written. Nothing more may be sent then.
        """
        line: dict[str, object] = {"thing": thing, "is": outcome.value}
        if trouble is not None:
            line |= {"code": trouble.code, "sentence": trouble.sentence, "next_step": trouble.next_step}
        with self._writing:
            self._append(line)
            self.so_far.apply(thing, outcome, trouble)

    def end(self, how: str) -> None:
        """Write down that nothing is left to do, or that nobody will do it.

        Raises:
            FileNotUsable: It cannot be written.
        """
        with self._writing:
            self._append({"end": how})
            self.so_far.is_over = True

    def _take(self) -> None:
        try:
            hold(self._descriptor, str(self._file), 0)
        except NotPossible:
            raise NotPossible(
                f"another process works on bulk {self.so_far.head.bulk}",
                "Wait until it has ended, or stop it.",
                code="sim.bulk_busy",
            ) from None
        self.so_far = read_bulk(self._file)  # what the process wrote that had it before
        try:
            found = os.fstat(self._descriptor)
            self.changed_at = found.st_mtime
            if found.st_size > self.so_far.length:  # a torn line, or the next one would be a part of it
                os.ftruncate(self._descriptor, self.so_far.length)
        except OSError as error:
            raise _unwritable(self._file, error) from None

    def _append(self, line: Mapping[str, object]) -> None:
        content = json.dumps(line, ensure_ascii=True).encode() + b"\n"
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unwritable(self._file, error) from None


def begin_bulk(folder: Path, head: BulkHead) -> BulkJournal:
    """Make the file of a bulk.

    Args:
        folder: Where it lies. It must exist.
        head: What the bulk is to do.

    Raises:
        Conflict: There is a bulk of this name.
        FileNotUsable: It cannot be written.
    """
    file = folder / f"{head.bulk}{SUFFIX}"
    line = {
        "bulk": head.bulk,
        "account": head.account,
        "write": head.write.stored(),
        "at": head.at.isoformat(),
        "actor": head.actor,
        "reason": head.reason,
        "things": list(head.things),
    }
    write_new_file(file, json.dumps(line).encode() + b"\n", SECRET_MODE)
    return BulkJournal(file, BulkSoFar(head))


def read_bulk(file: Path) -> BulkSoFar:
    """Read the file of a bulk.

    Raises:
        FileNotUsable: It cannot be read, or is none of this version.
    """
    content = read_file(file, limit=_MAX_BYTES)
    length = content.rfind(b"\n") + 1
    lines = content[:length].splitlines()
    try:
        so_far = BulkSoFar(_head(json.loads(lines[0])), length=length)
        for line in lines[1:]:
            _apply(so_far, json.loads(line))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise FileNotUsable(f"{file}: it is no bulk of this version, or was damaged", _RESTORE) from None
    return so_far


def bulks(folder: Path) -> Sequence[Path]:
    """The files of all bulks, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def forget_old_bulks(folder: Path) -> None:
    """Remove the oldest files of bulks that are over. The newest are kept, and each that was interrupted.

    Raises:
        FileNotUsable: One cannot be read or removed.
    """
    for file in bulks(folder)[:-_KEPT]:
        if has_ended(file):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise _unwritable(file, error) from None


def has_ended(file: Path) -> bool:
    """Whether the last line of a bulk's file says that it is over. The rest is not read: it may have many lines.

    Raises:
        FileNotUsable: It cannot be read.
    """
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - _END_BYTES))
            lines = opened.read(_END_BYTES).split(b"\n")
    except OSError as error:
        raise FileNotUsable(f"{file}: cannot read it: {error.strerror or error}", _RESTORE) from None
    return len(lines) > 1 and lines[-1] == b"" and lines[-2].startswith(b'{"end":')


def _head(found: Mapping[str, object]) -> BulkHead:
    things = found["things"]
    write = found["write"]
    if not isinstance(things, list) or not isinstance(write, dict):
        raise TypeError
    return BulkHead(
        bulk=str(found["bulk"]),
        account=str(found["account"]),
        write=write_of(write),
        things=tuple(map(str, things)),
        at=datetime.fromisoformat(str(found["at"])),
        actor=str(found["actor"]),
        reason=str(found["reason"]),
    )


def _apply(so_far: BulkSoFar, line: Mapping[str, object]) -> None:
    if "end" in line:
        so_far.is_over = True
        return
    trouble = None
    if "code" in line:
        trouble = Trouble(str(line["code"]), str(line["sentence"]), str(line["next_step"]))
    so_far.apply(str(line["thing"]), Outcome(str(line["is"])), trouble)


def _unwritable(file: Path, error: OSError) -> EngageError:
    return FileNotUsable(
        f"{file}: cannot write it: {error.strerror or error}",
        "Make room or fix the folder's mode. Then: engage sim bulk resume.",
    )
