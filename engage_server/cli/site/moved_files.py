"""Moves devices' files when ``engage site call-in`` changes where they are."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict

import click

from engage_server.cli.output import counted
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.records import AuditAction, CallIn, CallInWay, Site

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.shared_files.moving import Moved

_FAULTS_SHOWN = 20
_ONE_HOST = (
    "warning: the database is a file of this host. No other host can share files through it, so --shared is of no use "
    "here. Use --files."
)


class MovedJson(TypedDict):
    """What was moved."""

    devices: int
    files: int
    uploads: int


def changed_with_files(
    session: Session,
    operator: "OperatorSide",
    site: Site,
    change: Callable[[], Site],
    *,
    to_database: bool,
    to_files: bool,
) -> tuple[Site, "Moved | None"]:
    """Change how a site answers, and move the files of its devices along.

    They are moved before the change, so that no device misses any. What comes until all workers have followed is moved
    after it.

    Args:
        session: The session.
        operator: The services.
        site: The site before.
        change: Changes it, if anything is to be changed.
        to_database: Whether it is to have its files in the database.
        to_files: Whether it is to have them on this host.

    Returns:
        The site after it, and what was moved. None if nothing had to be.
    """
    was_shared = site.call_in.way is CallInWay.SHARED
    if not to_database and not (to_files and was_shared):
        return change(), None
    if not to_database:
        _say_what_stays(operator, site)
    with operator.shared_moving.alone(site.name):
        return _changed_alone(session, operator, site, change, to_database=to_database)


def _changed_alone(
    session: Session, operator: "OperatorSide", site: Site, change: Callable[[], Site], *, to_database: bool
) -> tuple[Site, "Moved"]:
    was_shared = site.call_in.way is CallInWay.SHARED
    before = _move(session, operator, site, to_database=to_database, files_win=not was_shared)
    changed = change()
    if changed.call_in.way is site.call_in.way:
        _record(session, operator, site, before)
        return changed, before
    if before.devices:
        time.sleep(session.settings().poll_seconds + 1)  # until the workers of this host have followed
    since = before.change if to_database else None
    after = _move(session, operator, site, to_database=to_database, files_win=False, since=since)
    after.files += before.files
    after.uploads += before.uploads
    return changed, after


def _say_what_stays(operator: "OperatorSide", site: Site) -> None:
    """Before anything is done: other hosts may still need what the database has."""
    counts = operator.shared_files.count_shared_files(site.name)
    click.echo(
        f"the database has {counted(counts.files, 'file')} and {counted(counts.uploads, 'upload')} of the site. "
        "They are written to this host, and also stay there for other hosts. If this host alone serves the site, "
        f"remove them: {program()} site call-in {site.name} --files --remove-shared",
        err=True,
    )


def remove_shared(session: Session, operator: "OperatorSide", site: Site, moved: "Moved | None") -> None:
    """Remove what the database has of a site that is answered from files again.

    Raises:
        UsageError: It is still needed.
    """
    moved = moved or operator.shared_moving.write_back(site.name)
    if moved.faults:
        raise UsageError(
            "not all files could be written to this host, so nothing was removed from the database:",
            f"Fix them, and run it again: {program()} site call-in {site.name} --files --remove-shared",
            code="device_files.not_usable",
            rows=[f"  {each}" for each in moved.faults[:_FAULTS_SHOWN]],
        )
    counts = operator.shared_files.count_shared_files(site.name)
    facts = {"changed": "shared files", "removed_files": str(counts.files), "removed_uploads": str(counts.uploads)}
    event = session.occasion().because(session.reason).event(AuditAction.SITE_CHANGED, site.name, **facts)
    operator.shared_files.remove_shared_files(site.name, event)
    click.echo(
        f"removed from the database: {counted(counts.files, 'file')} and {counted(counts.uploads, 'upload')}", err=True
    )


def copy_rows(operator: "OperatorSide", site: Site) -> Iterator[tuple[str, object]]:
    """How far this host has copied the files of a site that shares them."""
    if site.call_in.way is not CallInWay.SHARED:
        counts = operator.shared_files.count_shared_files(site.name)
        if counts.files or counts.uploads:
            yield "still in the database", f"{counted(counts.files, 'file')}, {counted(counts.uploads, 'upload')}"
        return
    place, standing = operator.shared_copy(site.name)
    is_all = place.is_complete and (standing is None or place.change >= standing.changes)
    yield "its copy on this host", "has all of them" if is_all else "is not complete yet (engage serve copies them)"
    if standing is not None:
        counts = operator.shared_files.count_shared_files(site.name)
        yield "uploads in the database", f"{counts.uploads}, {standing.bytes / 1024 / 1024:.1f} MiB"
        for reader in operator.shared_files.shared_readers(site.name):
            yield f"read by the token {reader.token}", f"up to {reader.number} of {standing.uploads}"


def print_on_the_way(call_in: CallIn, waiting: int) -> None:
    """Say what was accepted for the database, and is still on this host."""
    if waiting:
        where = "their folders" if call_in.way is CallInWay.FILES else "the database"
        click.echo(f"{counted(waiting, 'upload')} on this host, on the way to {where}")


def print_moved(moved: "Moved | None") -> None:
    """Say what was moved."""
    if moved is None:
        return
    files, uploads = counted(moved.files, "file"), counted(moved.uploads, "upload")
    if moved.devices:
        click.echo(f"moved {files} and {uploads}, of {counted(moved.devices, 'device')} that have any")
    else:
        click.echo("there were no files of devices to move")
    for fault in moved.faults[:_FAULTS_SHOWN]:
        click.echo(f"warning: {fault}", err=True)


def moved_json(moved: "Moved | None") -> MovedJson | None:
    """What was moved."""
    if moved is None:
        return None
    return {"devices": moved.devices, "files": moved.files, "uploads": moved.uploads}


def _move(
    session: Session,
    operator: "OperatorSide",
    site: Site,
    *,
    to_database: bool,
    files_win: bool,
    since: int | None = None,
) -> "Moved":
    if not to_database:
        return operator.shared_moving.write_back(site.name)
    if operator.is_for_one_host:
        click.echo(_ONE_HOST, err=True)
    if files_win and (faults := operator.shared_moving.faults(site.name)):
        rest = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise UsageError(
            "not all files of devices can be moved into the database:",
            f"Fix them, or import them again: {program()} device import FILE --site {site.name}. Nothing was changed.",
            code="device_files.not_usable",
            rows=[f"  {each}" for each in (*faults[:_FAULTS_SHOWN], *rest)],
        )
    return operator.shared_moving.load(site.name, session.now(), files_win=files_win, since=since)


def _record(session: Session, operator: "OperatorSide", site: Site, moved: "Moved") -> None:
    """The change of a site has its entry. Files alone get one as an import does."""
    if moved.files or moved.uploads:
        occasion = session.occasion().because(session.reason)
        operator.sites.note_import(site.name, moved.devices, moved.files, occasion)
