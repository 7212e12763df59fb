"""What the ingress may do with a PostgreSQL database, by a role that may do nothing else.

The role adds events, reads the link tables, and moves an executing message to delivered. It takes turns in asking
operators of SIMs. It reads no site, no release, no key and no device history. It may read whose database it is, which
opens nothing. :func:`role_sql` makes it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, func, select, update

from engage_server.records import Downlink, DownlinkChannel, DownlinkStatus, KpnDevice, PathEvent
from engage_server.store.database.engine import reading, writing
from engage_server.store.interface import SimPoll
from engage_server.store.link_tables import kpn_devices, kpn_downlinks, path_events, sim_polls
from engage_server.store.links import kpn_queries, path_queries, poll_queries
from engage_server.store.tables import installation

_READ = ("alembic_version", kpn_devices.name, kpn_downlinks.name)


class IngressStore:
    """Implements :class:`engage_server.store.interface.IngressTables`, whose docstrings apply.

    Args:
        engine: Of a PostgreSQL database whose tables are of this version.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def add_path_events(self, events: Sequence[PathEvent]) -> None:
        """Add events. One whose key its link has already is left out."""
        with writing(self._engine) as connection:
            path_queries.insert_events(connection, events)

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """Return a device. None if there is none."""
        with reading(self._engine) as connection:
            return next(iter(kpn_queries.select_devices(connection, imei)), None)

    def executing_downlink(self, imei: str) -> Downlink | None:
        """Return the message that a device gets with its next answer. None if there is none."""
        with reading(self._engine) as connection:
            executing = kpn_queries.select_downlinks(connection, imei, DownlinkStatus.EXECUTING)
        return next((each for each in executing if each.channel is DownlinkChannel.HTTP), None)

    def deliver_downlink(self, number: int, at: datetime) -> bool:
        """Move an executing message to delivered. True for exactly one caller."""
        columns = kpn_downlinks.c
        wanted = (columns.number == number) & (columns.status == DownlinkStatus.EXECUTING.value)
        values = {"status": DownlinkStatus.DELIVERED.value, "changed_at": at}
        with writing(self._engine) as connection:
            return connection.execute(update(kpn_downlinks).where(wanted).values(values)).rowcount == 1

    def sim_poll(self, account: str) -> SimPoll:
        """Return whose turn it is to ask an account. The first call for an account makes its row."""
        with writing(self._engine) as connection:
            return poll_queries.ensured(connection, account)

    def take_sim_poll(self, account: str, version: int, seconds: float) -> bool:
        """Take the turn. True for exactly one caller."""
        with writing(self._engine) as connection:
            return poll_queries.take(connection, account, version, seconds)

    def hold_sim_poll(self, account: str, version: int, seconds: float) -> bool:
        """Keep the turn. False if somebody else has taken it."""
        with writing(self._engine) as connection:
            return poll_queries.hold(connection, account, version, seconds)

    def end_sim_poll(self, account: str, version: int, memory: str, events: Sequence[PathEvent]) -> bool:
        """Add events, store what is remembered, and give the turn back. False if somebody else has taken it."""
        with writing(self._engine) as connection:
            if not poll_queries.end(connection, account, version, memory):
                return False
            path_queries.insert_events(connection, events)
            return True

    def look(self) -> None:
        """Ask the database for one row, to find at the start that the role may not.

        Raises:
            StoreNotUsable: It does not answer, or refuses.
        """
        with reading(self._engine) as connection:
            connection.execute(select(kpn_devices.c.imei).limit(1)).first()

    def knows_installation(self) -> bool:
        """Whether the role may read whose database it is. One that an earlier version made may not.

        Raises:
            StoreNotUsable: It does not answer.
        """
        column = installation.c.seal_probe
        with reading(self._engine) as connection:
            return bool(connection.scalar(select(func.has_column_privilege(installation.name, column.name, "SELECT"))))


def role_sql(role: str) -> list[str]:
    """Return the statements that make a role for the ingress. An operator runs them as the database's owner.

    Args:
        role: Its name. It must be an SQL identifier without quotes: the caller checks that.
    """
    reads = ", ".join(_READ)
    return [
        f"CREATE ROLE {role} LOGIN;",
        f"GRANT SELECT ON {reads} TO {role};",
        f"GRANT SELECT (seal_probe) ON {installation.name} TO {role};",
        f"GRANT INSERT (site, link, at, kind, says, detail, key) ON {path_events.name} TO {role};",
        f"GRANT USAGE ON SEQUENCE {path_events.name}_id_seq TO {role};",
        f"GRANT UPDATE (status, changed_at) ON {kpn_downlinks.name} TO {role};",
        f"GRANT SELECT, INSERT ON {sim_polls.name} TO {role};",
        f"GRANT UPDATE (version, held_until, memory) ON {sim_polls.name} TO {role};",
    ]
