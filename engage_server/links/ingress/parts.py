"""What each partner's part of the ingress gets from the process that it runs in."""

from dataclasses import dataclass
from pathlib import Path

from engage_server.links.journal.desk import Journal, LinkTables


@dataclass(frozen=True, slots=True)
class Parts:
    """Built in each worker, after the fork.

    Attributes:
        journal: Keeps events.
        tables: What operators registered.
        folder: For what the workers of this host share, ``data/links``. Make one folder of the partner's name in it.
    """

    journal: Journal
    tables: LinkTables
    folder: Path
