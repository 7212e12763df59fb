"""Whether the service can read what lies in its folders, and others cannot; and where the authority's keys lie."""

import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from engage_server.services.chains.authority import authority_key_files
from engage_server.services.installation.checkup import Check, Level

_MOST_FILES = 200_000  # of one look: a million doors' folders would take minutes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look_at_files(data: Path, secrets: Sequence[Path]) -> list[Check]:
    """Owners and modes.

    Args:
        data: The folder of data; its owner is who runs the service.
        secrets: Files and folders that nobody else may read. Those that are not there are left out.
    """
    if not data.is_dir():
        return [
            Check("files", Level.PROBLEM, f"the folder of data, {data}, is not there", "Restore it from its backup.")
        ]
    found = [*_owners(data), *_modes([data, *secrets])]
    return found or [Check("files", Level.OK, f"all in {data} belongs to {_name_of(data.stat().st_uid)}")]


def look_at_authority(certs: Path) -> list[Check]:
    """Whether keys of CAs still lie on a host that serves devices."""
    if certs.exists() and not os.access(certs, os.R_OK | os.X_OK):
        return [Check("authority", Level.OK, f"this user may not look into {certs}: a service of this user's neither")]
    files = authority_key_files(certs)
    if not files:
        return [Check("authority", Level.OK, f"no key of the authority lies in {certs}")]
    folders = dict.fromkeys(str(path.parent) for path in files)
    return [
        Check(
            "authority",
            Level.WARNING,
            f"{len(files)} keys of the authority lie on this host, in {', '.join(folders)}",
            "The servers do not need them: keep them on another machine, and bring them for a rotation.",
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
            f"{count} in {data} belong to {theirs}, not to {name}, who runs the service: it may not read them, and "
            "devices' calls fail",
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
                f"{path} has mode {mode:03o}: other users of this host may look into it",
                f"chmod {right} {path}",
            )


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # not there, or not to be seen by this user
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
