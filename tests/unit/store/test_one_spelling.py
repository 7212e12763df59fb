"""Evidence of before is of the same devices: an IPv4 address that was written as IPv6 is folded."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, select

from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.tables import device_addresses, device_histories, release_histories
from tests.support.chains import NOW

ZERO = dict.fromkeys(
    ("nights", "notices", "certificates", "refusals", "fetched_release", "finished_release", "is_shared_address"), 0
)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _device(connection: Connection, number: int, identity: str, home: str = "") -> None:
    times = dict.fromkeys(("first_seen", "last_seen", "due_at", "finished_at", "asked_again_at"))
    values = ZERO | times | {"id": number, "site": "main", "identity": identity, "home": home, "failure": ""}
    values |= dict.fromkeys(times, NOW)
    connection.execute(insert(device_histories).values(values))
    reached = {"device_id": number, "release": 1, "site": "main", "grade": 3, "reached_at": NOW}
    connection.execute(insert(release_histories).values(reached))


def test_addresses_of_before_are_folded(database_url: str) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    serial = "0" * 31 + "1"
    with engine.begin() as connection:
        _upgrade(connection, "0010")
        _device(connection, 1, "::ffff:192.0.2.1", "::ffff:192.0.2.1")
        _device(connection, 2, "::ffff:192.0.2.2")
        _device(connection, 3, "192.0.2.2", "192.0.2.2")
        _device(connection, 4, serial, "::ffff:192.0.2.4")
        _device(connection, 5, "2001:db8::1", "::ffff:0:192.0.2.5")
        for address in ("::ffff:192.0.2.4", "::ffff:192.0.2.1", "192.0.2.1"):
            row = {"address": address, "site": "main", "serial": serial, "seen_at": NOW}
            connection.execute(insert(device_addresses).values(row))
        _upgrade(connection, "0011")
        known = select(device_histories.c.id, device_histories.c.identity, device_histories.c.home)
        assert connection.execute(known.order_by(device_histories.c.id)).all() == [
            (1, "192.0.2.1", "192.0.2.1"),
            (3, "192.0.2.2", "192.0.2.2"),
            (4, serial, "192.0.2.4"),
            (5, "2001:db8::1", "::ffff:0:192.0.2.5"),
        ]
        assert set(connection.scalars(select(release_histories.c.device_id))) == {1, 3, 4, 5}
        assert set(connection.scalars(select(device_addresses.c.address))) == {"192.0.2.1", "192.0.2.4"}
    engine.dispose()
