"""Puts the files of a backup into their places, each with its mode and its owner from its first moment."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engage_server.files import PUBLIC_MODE, SECRET_MODE, make_folder, read_file, replace_file
from engage_server.services.backup.archive.names import Section
from engage_server.services.backup.archive.reading import ArchivedFile
from engage_server.services.device_files.upload_journal import JOURNAL

FROM_BACKUP = ".from-backup"  # after the name of a settings file: it is of another machine, or of another time
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


@dataclass(frozen=True, slots=True)
class Places:
    """Where files belong on this host.

    Attributes:
        data: The data folder.
        uploads: The folder of waiting uploads.
        settings: The folder of the settings file.
        authority: The authority's folder.
    """

    data: Path
    uploads: Path
    settings: Path
    authority: Path


def place_files(files: Iterable[ArchivedFile], places: Places) -> Mapping[Section, int]:
    """Write files, or write them again. Settings get another name, so that none is replaced.

    So does a file of the authority if another one is in its place: that one may be newer, and hold the only key.

    Args:
        files: The files, with names that were checked.
        places: Where they belong.

    Returns:
        How many of each section were written.

    Raises:
        FileNotUsable: A folder cannot be written, or the disk is full. What was written stays.
    """
    counts = dict.fromkeys(Section, 0)
    for file in files:
        section = Section(file.name.split("/")[0])
        path = _place(section, file.name.partition("/")[2], places)
        if section is Section.AUTHORITY and _is_another(path, file.content):
            path = path.with_name(f"{path.name}{FROM_BACKUP}")
        make_folder(path.parent)
        replace_file(path, file.content, _mode(section, file.content))
        counts[section] += 1
    return counts


def _place(section: Section, rest: str, places: Places) -> Path:
    if section is Section.JOURNALS:
        site, _, name = rest.partition("/")
        return places.data / site / JOURNAL / name
    if section is Section.SETTINGS:
        return places.settings / f"{rest}{FROM_BACKUP}"
    folders = {Section.DEVICES: places.data, Section.UPLOADS: places.uploads, Section.AUTHORITY: places.authority}
    return folders[section] / rest


def _is_another(path: Path, content: bytes) -> bool:
    """Whether a file with another content is there."""
    return path.exists() and read_file(path, limit=max(len(content), path.stat().st_size) + 1) != content


def _mode(section: Section, content: bytes) -> int:
    """Only certificates and settings without passwords are for everybody."""
    if section is Section.AUTHORITY:
        return SECRET_MODE if _PRIVATE.search(content) else PUBLIC_MODE
    return PUBLIC_MODE if section is Section.SETTINGS else SECRET_MODE
