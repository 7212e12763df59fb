"""Reads files that hold one secret each, such as a login, key or passphrase, and are readable for the owner alone."""

import os
import stat
from pathlib import Path

from engage_server.errors import FileNotUsable, SettingsInvalid
from engage_server.files.reading import read_file
from engage_server.records import Secret

SECRET_BYTES = 4096  # of a file with one secret
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_file(path: Path, *, limit: int = SECRET_BYTES) -> Secret:
    """Read a secret from a file.

    A line end at the end of the file is no part of the secret. Other white space is.

    Args:
        path: The file, absolute.
        limit: In bytes.

    Raises:
        SettingsInvalid: The file is missing, unreadable, empty, too long, or other users have a right to it.
    """
    try:
        mode = path.stat().st_mode
        content = read_file(path, limit=limit)
    except OSError as error:
        raise SettingsInvalid(
            f"{path}: cannot read it: {error.strerror}", "Write the secret into that file, with mode 0600."
        ) from None
    except FileNotUsable as error:
        raise SettingsInvalid(error.sentence, error.next_step) from None
    if hasattr(os, "geteuid") and mode & _OTHERS:
        raise SettingsInvalid(
            f"{path} holds a secret, and other users may read or change it (mode {stat.S_IMODE(mode):04o})",
            f"chmod 600 {path}",
        )
    secret = content.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise SettingsInvalid(f"{path} is empty", "Write the secret into that file, on one line.")
    return Secret(secret)
