"""The settings that name an installation's own folders, and what lies in these folders."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def setting(default: object, description: str) -> Any:
    """Define one row of the table."""
    return dataclasses.field(default=default, metadata={"description": description})


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The folders of an installation, and what is kept there: the first rows of the table of settings."""

    certs_dir: Path = setting(Path("certs"), "Folder where 'engage init' builds chains.")
    data_dir: Path = setting(
        Path("data"), "Folder of the embedded database, the spool of sightings and the workers' metrics."
    )
    start_without_database: bool = setting(
        True,
        "Whether a host with PostgreSQL keeps a copy of what devices are answered. With it, the host can start and "
        "serve while the database is away. The copy holds the sealed private keys that are served, and no site key.",
    )

    @property
    def links_dir(self) -> Path:
        """The folder that the ingress of the links shares with the operators' instance."""
        return self.data_dir / "links"

    @property
    def path_events_dir(self) -> Path:
        """The folder of what links reported and is not in the database yet."""
        return self.links_dir / "events"

    @property
    def served_copy(self) -> Path:
        """The copy of what devices are answered, for a start while a database on another machine is away."""
        return self.data_dir / "served.db"

    @property
    def spool_dir(self) -> Path:
        """The folder of sightings that are not in the database yet."""
        return self.data_dir / "spool"

    @property
    def upstream_spool_dir(self) -> Path:
        """The folder of audits and alerts that a partner's system has not accepted yet."""
        return self.spool_dir / "upstream"

    @property
    def disk_book(self) -> Path:
        """The file that records how much disk space devices take."""
        return self.spool_dir / "room.json"

    @property
    def enrolled_dir(self) -> Path:
        """The folder that records which unknown devices were enrolled today."""
        return self.spool_dir / "enrolled"

    @property
    def faults_dir(self) -> Path:
        """The folder that records why call-ins were not answered."""
        return self.spool_dir / "faults"

    @property
    def metrics_dir(self) -> Path:
        """The folder of the workers' metrics. Its content is meaningless after a restart."""
        return self.data_dir / "metrics"
