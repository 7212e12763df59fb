"""What a backup of very many devices takes: ``scripts/bench-backup``.

Fills an installation with devices and their histories, on SQLite and on a PostgreSQL server. Each command runs
in a process: ``backup create``, ``backup verify`` and ``backup restore``, each back into the same kind of database.
Of each: seconds by the clock, seconds of CPU, and the most memory that its process had.

The goal is under 180 s for create and verify together, and under 300 MiB, with a million devices.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engage_server.store.database.engine import open_engine, writing
from tests.support.commands import ENGAGE, clean_environment
from tests.support.filling import count_anew, fill_devices, fill_labels, fill_sightings
from tests.support.installation import make_installation
from tests.support.postgresql import postgres_server
from tests.support.world import serial_of

_MOST_SECONDS, _MOST_MIB = 180, 300
_AUDIT_ROOM = ("ENGAGE_DISK_RESERVE_MIB", "0")


def main() -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-backup")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"devices": options.devices}
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        figures["sqlite"] = _course(Path(folder) / "sqlite", options.devices, "", "")
        urls = server.new_database(), server.new_database()
        figures["postgresql"] = _course(Path(folder) / "postgresql", options.devices, *urls)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(not all(_is_within(figures[kind]) for kind in ("sqlite", "postgresql")))


def _course(folder: Path, devices: int, url: str, other_url: str) -> dict[str, Any]:
    """One installation: fill it, make a backup, verify it, and restore it into an empty place."""
    old, new = folder / "old", folder / "new"
    old.mkdir(parents=True)
    new.mkdir()
    make_installation(old, **_environment(url))
    _fill(url or f"sqlite:///{old}/data/engage.db", devices)
    backup, kek = folder / "backup.tar.gz", old / "engage.kek"
    figures: dict[str, Any] = {"create": _measured(old, url, "backup", "create", backup)}
    figures["mib"] = round(backup.stat().st_size / 2**20, 1)
    figures["verify"] = _measured(old, url, "backup", "verify", backup, "--scratch", folder)
    figures["restore"] = _measured(new, other_url, "backup", "restore", backup, "--kek-file", kek)
    _print("PostgreSQL" if url else "SQLite", devices, figures)
    return figures


def _fill(url: str, devices: int) -> None:
    engine = open_engine(url)
    with writing(engine, seconds=None) as connection:
        fill_devices(connection, "main", devices)
        fill_labels(connection, "main", devices // 10)
        fill_sightings(connection, [serial_of(n) for n in range(devices // 100)], 30)
    with writing(engine, seconds=None) as connection:
        count_anew(connection)
    engine.dispose()


def _measured(folder: Path, url: str, *arguments: object) -> dict[str, float]:
    """Run a command in a process: seconds, seconds of CPU, and MiB."""
    begun = time.monotonic()
    environment = clean_environment() | _environment(url) | dict([_AUDIT_ROOM])
    child = os.fork()
    if not child:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execve(ENGAGE, [ENGAGE, *map(str, arguments)], environment)  # noqa: S606  # no shell
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"engage {' '.join(map(str, arguments[:2]))} failed")
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "mib": round(used.ru_maxrss / 1024, 1),
    }


def _environment(url: str) -> dict[str, Any]:
    return {"ENGAGE_DATABASE_URL": url} if url else {}


def _is_within(figures: dict[str, Any]) -> bool:
    steps = [figures[step] for step in ("create", "verify", "restore")]
    is_quick = figures["create"]["seconds"] + figures["verify"]["seconds"] < _MOST_SECONDS
    return bool(is_quick and all(step["mib"] < _MOST_MIB for step in steps))


def _print(kind: str, devices: int, figures: dict[str, Any]) -> None:
    sys.stdout.write(f"{kind}, {devices:,} devices, an archive of {figures['mib']} MiB\n")
    for step in ("create", "verify", "restore"):
        each = figures[step]
        sys.stdout.write(
            f"  {step:8} {each['seconds']:7.1f} s  {each['cpu_seconds']:7.1f} s of CPU  {each['mib']:6.1f} MiB\n"
        )


if __name__ == "__main__":
    sys.exit(main())
