"""Whose turn it is to ask an operator of SIMs. In the caller's transaction, by the clock of the database alone."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Interval, func, literal, select, update

from engage_server.store.database.dialects import insert_into
from engage_server.store.interface import SimPoll
from engage_server.store.link_tables import sim_polls

_poll = sim_polls.c


def ensured(connection: Connection, account: str) -> SimPoll:
    """Return an account's row. If there is none, make it."""
    first = {"account": account, "version": 0, "held_until": func.now(), "memory": ""}
    insert = insert_into(connection.dialect.name, sim_polls).values(first).on_conflict_do_nothing()
    connection.execute(insert.inline())
    is_held = _poll.held_until > func.now()
    row = connection.execute(select(_poll.version, is_held, _poll.memory).where(_poll.account == account)).one()
    return SimPoll(account, row[0], bool(row[1]), row[2])


def select_all(connection: Connection) -> list[SimPoll]:
    """Return the rows of all accounts, by name."""
    query = select(_poll.account, _poll.version, _poll.held_until > func.now(), _poll.memory).order_by(_poll.account)
    return [SimPoll(row[0], row[1], bool(row[2]), row[3]) for row in connection.execute(query)]


def take(connection: Connection, account: str, version: int, seconds: float) -> bool:
    """Take the turn, if nobody has it and nobody has had it since this version. The next version is the caller's."""
    wanted = _of(account, version) & (_poll.held_until <= func.now())
    values = {"version": version + 1, "held_until": _in(seconds)}
    return connection.execute(update(sim_polls).where(wanted).values(values)).rowcount == 1


def hold(connection: Connection, account: str, version: int, seconds: float) -> bool:
    """Keep the turn for longer. False if somebody else has taken it."""
    kept = update(sim_polls).where(_of(account, version)).values(held_until=_in(seconds))
    return connection.execute(kept).rowcount == 1


def end(connection: Connection, account: str, version: int, memory: str) -> bool:
    """Give the turn back, and remember. False if somebody else has taken it."""
    ended = update(sim_polls).where(_of(account, version)).values(held_until=func.now(), memory=memory)
    return connection.execute(ended).rowcount == 1


def _of(account: str, version: int) -> ColumnElement[bool]:
    return (_poll.account == account) & (_poll.version == version)


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.now() + literal(timedelta(seconds=seconds), Interval)
