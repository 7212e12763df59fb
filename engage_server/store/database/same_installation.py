"""Keeps a process to the installation whose database it opened.

Somebody may put another installation's content into the database of servers that run: a dump, or a new ``engage init``.
These servers have other site keys, other doors and other recipients in memory. So each transaction begins with whose
database it is. Whatever reads, writes or sends by what it read then stops, and no task can forget to ask. A backup of
the same installation that is restored is the same, whatever its age.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event, select

from engage_server.errors import StoreNotUsable
from engage_server.store.database.engine import reading
from engage_server.store.tables import installation

_NEXT = "Restore the backup: docs/disaster.md. If the new installation is right, restart 'engage serve'."


@dataclass(slots=True)
class _Kept:
    """What an engine is kept to.

    Attributes:
        probe: What only databases of one installation have in common. None: nothing was read yet.
        is_lost: Whether the last transaction found something else.
    """

    probe: bytes | None = None
    is_lost: bool = False


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()


def keep_to_installation(engine: Engine, probe: bytes | None = None) -> None:
    """From its first transaction on, refuse each one in which the database is another installation's.

    Args:
        engine: Of a database whose tables are of this version.
        probe: What :func:`installation_of` returned for its installation before. None: the first transaction says it.
    """
    kept = _kept[engine] = _Kept(probe)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        found = connection.scalar(select(installation.c.seal_probe))
        kept.is_lost = kept.probe is not None and found != kept.probe
        _assert_not_lost(kept)
        kept.probe = found


def installation_of(engine: Engine) -> bytes | None:
    """What only databases of one installation have in common.

    Raises:
        StoreNotUsable: It does not answer, or is another installation's since.
    """
    with reading(engine):
        return _kept[engine].probe


def assert_installation(engine: Engine) -> None:
    """Refuse what needs no database, but what the database said before. Asks nobody.

    Raises:
        StoreNotUsable: The last transaction found another installation.
    """
    _assert_not_lost(_kept[engine])


def another_installation() -> StoreNotUsable:
    """The refusal."""
    return StoreNotUsable(
        "the database is now another installation's, with other site keys: somebody replaced its content",
        _NEXT,
        code="store.replaced",
    )


def _assert_not_lost(kept: _Kept) -> None:
    if kept.is_lost:
        raise another_installation()
