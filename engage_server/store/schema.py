"""Which version the tables of a database have, and how they get the present one."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text, update

from engage_server.errors import StoreVersionMismatch
from engage_server.records import Secret
from engage_server.store import audit_log, release_queries
from engage_server.store.engine import reading, writing
from engage_server.store.sealing import ReleaseSealer, Sealer
from engage_server.store.tables import installation

# Oldest first, the names of the files in migrations/versions. Written down because to ask Alembic takes every start
# of every command a quarter of a second; a test holds it against the files.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")

SEAL_PROBE_PURPOSE = "the installation's seal probe"
RELEASE_SEAL_PROBE_PURPOSE = "the seal probe of the releases' keys"


def upgrade(engine: Engine, sealer: Sealer) -> None:
    """Create the tables, or bring them to this version. Doing it again changes nothing.

    Raises:
        StoreVersionMismatch: The database is of a newer version.
        SealBroken: The database was sealed with another key-encryption key.
    """
    _assert_not_newer(engine)
    with writing(engine) as connection:
        _migrate(connection)
        probe = connection.scalar(select(installation.c.seal_probe))
        if probe is None:
            sealed = sealer.seal(Secret(b"engage"), SEAL_PROBE_PURPOSE)
            connection.execute(installation.insert().values(id=1, generation=1, seal_probe=sealed))
        else:
            sealer.open(probe, SEAL_PROBE_PURPOSE)  # before anything is sealed with it
        audit_log.chain_older(connection, sealer)
        _seal_release_keys(connection, sealer)


def assert_current(engine: Engine) -> None:
    """Refuse a database whose tables are not those of this version.

    Raises:
        StoreVersionMismatch: Newer, older, or no tables at all.
    """
    _assert_not_newer(engine)
    if _revision(engine) != REVISIONS[-1]:
        raise StoreVersionMismatch(
            "the database has not the tables of this version",
            "Run 'engage init': it creates what is missing, brings the tables up to date and loses nothing.",
        )


def is_sealed(engine: Engine) -> bool:
    """Whether the database holds an installation, whose secrets some key-encryption key has sealed."""
    return _revision(engine) is not None


def assert_seal(engine: Engine, sealer: Sealer) -> None:
    """Find a wrong key-encryption key now, not when the first device calls.

    Raises:
        SealBroken: It is not the one of this database.
    """
    with reading(engine) as connection:
        probe = connection.scalar(select(installation.c.seal_probe))
    if probe is not None:
        sealer.open(probe, SEAL_PROBE_PURPOSE)


def assert_release_seal(engine: Engine, release_sealer: ReleaseSealer) -> None:
    """The same for a process that has the release key alone.

    Raises:
        SealBroken: It was not made from the key-encryption key of this database.
    """
    with reading(engine) as connection:
        probe = connection.scalar(select(installation.c.release_seal_probe))
    if probe is not None:
        release_sealer.open(probe, RELEASE_SEAL_PROBE_PURPOSE)


def _seal_release_keys(connection: Connection, sealer: Sealer) -> None:
    """Bring what earlier versions sealed under the release key. Doing it again changes nothing."""
    release_queries.seal_anew(connection, sealer)
    probe = connection.scalar(select(installation.c.release_seal_probe))
    if probe is None:
        sealed = sealer.releases.seal(Secret(b"engage"), RELEASE_SEAL_PROBE_PURPOSE)
        connection.execute(update(installation).values(release_seal_probe=sealed))


def _assert_not_newer(engine: Engine) -> None:
    revision = _revision(engine)
    if revision is not None and revision not in REVISIONS:
        raise StoreVersionMismatch(
            f"the database is of a newer version (schema {revision}) than this program",
            "Install the version that made it, or a later one. Nothing was changed.",
        )


def _revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
