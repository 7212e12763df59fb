"""Checks that the service can read its folders and other users cannot, and where the authority's keys are."""

import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from engage_server.services.chains.authority import authority_key_files
from engage_server.services.installation.checkup import Check, Level

_MOST_FILES = 200_000  # in one check: the folders of a million doors would take minutes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look_at_files(data: Path, secrets: Sequence[Path]) -> list[Check]:
    """Check owners and modes.

    Args:
        data: The data folder. Its owner is taken as the user who runs the service.
        secrets: Files and folders that no other user may read. Missing ones are skipped.
    """
    if not data.is_dir():
        return [Check("files", Level.PROBLEM, f"the data folder {data} does not exist", "Restore it from its backup.")]
    found = [*_owners(data), *_modes([data, *secrets])]
    return found or [Check("files", Level.OK, f"everything in {data} belongs to {_name_of(data.stat().st_uid)}")]


def look_at_authority(certs: Path) -> list[Check]:
    """Check whether keys of CAs are on this host, which serves devices."""
    if certs.exists() and not os.access(certs, os.R_OK | os.X_OK):
        return [Check("authority", Level.OK, f"this user cannot read {certs}, and neither can a service of this user")]
    files = authority_key_files(certs)
    if not files:
        return [Check("authority", Level.OK, f"no key of the authority is in {certs}")]
    folders = dict.fromkeys(str(path.parent) for path in files)
    return [
        Check(
            "authority",
            Level.WARNING,
            f"keys of the authority are on this host: {len(files)}, in {', '.join(folders)}",
            "The servers do not need them. Keep them on another machine, and bring them for a rotation.",
        )
    ]


def _owners(data: Path) -> Iterator[Check]:
    owner = data.stat().st_uid
    others = [path for path in _below(data) if path.lstat().st_uid != owner]
    if others:
        name = _name_of(owner)
        theirs = _name_of(others[0].lstat().st_uid)
        count = f"{others[0]}" if len(others) == 1 else f"{others[0]} and {len(others) - 1} more"
        yield Check(
            "files",
            Level.PROBLEM,
            f"the owner of {count} in {data} is {theirs}, not {name}, who runs the service: it may be unable to read "
            "them, and devices' calls fail",
            f"chown -R {name}: {data}",
        )


def _modes(secrets: Sequence[Path]) -> Iterator[Check]:
    for path in secrets:
        found = _mode_of(path)
        if found & _OTHERS:
            mode, right = stat.S_IMODE(found), "700" if stat.S_ISDIR(found) else "600"
            yield Check(
                "files",
                Level.WARNING,
                f"{path} has mode {mode:03o}: other users of this host can access it",
                f"chmod {right} {path}",
            )


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # it does not exist, or this user cannot see it
        return 0


def _below(folder: Path) -> Iterator[Path]:
    count = 0
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(top, name)
            count += 1
            if count >= _MOST_FILES:
                return


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
