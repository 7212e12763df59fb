"""What is known of backups that were made, and of drills."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BackupStep(StrEnum):
    """What was done with a backup. Values are stored: never rename one."""

    CREATED = "created"
    DRILLED = "drilled"


@dataclass(frozen=True, slots=True)
class BackupRun:
    """One backup that was made, or one drill, and how it ended.

    Attributes:
        step: What was done.
        at: When it ended; aware, UTC.
        is_good: Whether it succeeded: for a drill, whether everything opened and was the same bytes.
        file: The name of the archive, without its folder.
        host: The host that did it.
        seconds: How long it took.
        why: Why it failed, in one sentence. "" if it is good.
        audit_head: The audit log's end inside, as ``number:hash``: what ``--expect`` takes. "" if it is not known.
    """

    step: BackupStep
    at: datetime
    is_good: bool
    file: str
    host: str
    seconds: float
    why: str = ""
    audit_head: str = ""
