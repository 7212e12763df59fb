"""Reads how the polls of accounts stand, from the database or from this host's files, and shows it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from engage_server.cli.session import Session
from engage_server.errors import EngageError, NotPossible
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.accounts import read_sim_links
from engage_server.links.sim.polling.host_turns import memory_of
from engage_server.links.sim.polling.memory import from_text
from engage_server.links.sim.polling.reading import every_of, polled_accounts
from engage_server.links.sim.polling.standing import PollStanding
from engage_server.services.installation.checkup import Check


def poll_standings(session: Session, file: LinksFile) -> Mapping[str, PollStanding]:
    """Return how the poll of each account stands, by its name.

    Raises:
        EngageError: A table of ``links.toml`` is wrong, or a file cannot be read.
    """
    polled = polled_accounts(file)
    stored: Mapping[str, str] = {}
    if polled:
        with suppress(NotPossible):  # no installation here: then only this host's files count
            stored = session.operator_side().paths.polls()
    folder = session.settings().links_dir
    return {
        name: PollStanding(name, every_of(table), from_text(stored.get(name) or memory_of(folder, name)))
        for name, table in polled.items()
    }


def check_polls(session: Session, file: LinksFile | None) -> Iterator[Check]:
    """Yield a check for each account that is polled. Nothing for a file that has another fault."""
    if file is None:
        return
    with suppress(EngageError):
        yield from (each.check(session.now()) for each in poll_standings(session, file).values())


def accounts_of_links(session: Session, file: LinksFile | None) -> Mapping[str, PollStanding]:
    """Return how the poll of a link's account stands, by the name of the link."""
    if file is None:
        return {}
    standings = poll_standings(session, file)
    return {link.link: standings[link.account] for link in read_sim_links(file) if link.account in standings}


def poll_json(standing: PollStanding) -> dict[str, Any]:
    """Return how a poll stands, for scripts."""
    memory = standing.memory
    return {
        "name": standing.account,
        "every_seconds": round(standing.every.total_seconds()),
        "asked_at": memory.ended_at.isoformat() if memory.ended_at else None,
        "answered_at": memory.answered_at.isoformat() if memory.answered_at else None,
        "sims": memory.things,
        "trouble": memory.trouble or None,
        "trouble_since": memory.trouble_since.isoformat() if memory.trouble_since else None,
    }
