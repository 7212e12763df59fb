"""The version of a database's tables, and their upgrade to the present version."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text, update

from engage_server.errors import StoreVersionMismatch
from engage_server.records import AuditAction, AuditEvent, AuditHead, Secret
from engage_server.store import audit_log, release_keys
from engage_server.store.database.engine import after_commit, reading, writing
from engage_server.store.sealing import ReleaseSealer, Sealer
from engage_server.store.tables import installation

# Oldest first. The names of the files say it: asking Alembic would take a quarter of a second at every start of every
# command. A test compares this with what Alembic says.
_MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")))

SEAL_PROBE_PURPOSE = "the installation's seal probe"
RELEASE_SEAL_PROBE_PURPOSE = "the seal probe of the releases' keys"

# The probe's content since the audit log is a chain: nobody without the key can make a database look older.
_PROBE, _PROBE_OF_A_CHAIN = Secret(b"engage"), Secret(b"engage, and the audit log is a chain")
_CHAIN_SINCE = "0003"
_UPGRADE_LOCK = 0x656E67616765  # "engage", for pg_advisory_xact_lock


def upgrade(
    engine: Engine,
    sealer: Sealer,
    actor: str = "engage init",
    told: Callable[[AuditHead], None] = lambda head: None,
    *,
    reason: str = "",
) -> str | None:
    """Create the tables, or update them to this version. Doing it again changes nothing.

    It signs only what it wrote, except the entries of a version whose log was no chain yet. An entry records that.

    Args:
        engine: The engine.
        sealer: Seals the probe, and signs the audit log.
        actor: Who does it, for that entry.
        told: Called with each entry that this writes.
        reason: Why, for that entry.

    Returns:
        The earlier version of the tables. None for new tables, and for those of this version.

    Raises:
        StoreVersionMismatch: A newer version made the database.
        SealBroken: The database was sealed with another key-encryption key.
    """
    _assert_not_newer(engine)
    with writing(engine, seconds=None) as connection:
        if connection.dialect.name == "postgresql":  # a second one waits; SQLite allows one writer at a time anyway
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        before = _revision_of(connection)
        _migrate(connection)
        entries: list[AuditHead] = []
        probe = connection.scalar(select(installation.c.seal_probe))
        if probe is None:
            _begin(connection, sealer, is_new=before is None)
        elif sealer.open(probe, SEAL_PROBE_PURPOSE) == _PROBE:  # opened before anything is sealed with the key
            entries += _chain(connection, sealer, before or "", (actor, reason))
        _seal_release_keys(connection, sealer)
        is_migrated = before is not None and before != REVISIONS[-1]
        if is_migrated and not entries and probe is not None:
            facts = {"from": before or "", "to": REVISIONS[-1]}
            event = AuditEvent(datetime.now(UTC), actor, AuditAction.INSTALLATION_MIGRATED, facts=facts, reason=reason)
            entries.append(audit_log.append(connection, event, sealer))
        for entry in entries:
            after_commit(connection, partial(told, entry))
    return before if is_migrated else None


def _begin(connection: Connection, sealer: Sealer, *, is_new: bool) -> None:
    """Add the one row. If someone removed it from an older database, its log stays without a seal: that is a fault."""
    sealed = sealer.seal(_PROBE_OF_A_CHAIN, SEAL_PROBE_PURPOSE)
    connection.execute(installation.insert().values(id=1, generation=1, seal_probe=sealed))
    if is_new:
        audit_log.begin(connection, sealer)


def _chain(connection: Connection, sealer: Sealer, before: str, whose: tuple[str, str]) -> list[AuditHead]:
    """Chain the log of a version whose log was no chain. Mark the database if its log is a complete chain."""
    entries = []
    if before < _CHAIN_SINCE:
        facts = {"entries": str(audit_log.chain_older(connection, sealer)), "schema": before}
        actor, reason = whose
        event = AuditEvent(datetime.now(UTC), actor, AuditAction.AUDIT_CHAINED, facts=facts, reason=reason)
        entries.append(audit_log.append(connection, event, sealer))
    elif audit_log.verdict(connection, sealer).faults:
        return []
    sealed = sealer.seal(_PROBE_OF_A_CHAIN, SEAL_PROBE_PURPOSE)
    connection.execute(update(installation).values(seal_probe=sealed))
    return entries


def assert_current(engine: Engine) -> None:
    """Refuse a database whose tables are not those of this version.

    Raises:
        StoreVersionMismatch: They are newer, older, or missing.
    """
    _assert_not_newer(engine)
    if _revision(engine) != REVISIONS[-1]:
        raise StoreVersionMismatch(
            "the database does not have the tables of this version",
            "Run 'engage init': it creates what is missing, updates the tables and loses nothing.",
        )


def is_sealed(engine: Engine) -> bool:
    """Whether the database holds an installation, whose secrets are sealed with some key-encryption key."""
    return _revision(engine) is not None


def assert_seal(engine: Engine, sealer: Sealer) -> None:
    """Find a wrong key-encryption key at the start, not when the first device calls.

    Raises:
        SealBroken: It is not the key of this database.
    """
    with reading(engine) as connection:
        probe = connection.scalar(select(installation.c.seal_probe))
    if probe is not None:
        sealer.open(probe, SEAL_PROBE_PURPOSE)


def assert_release_seal(engine: Engine, release_sealer: ReleaseSealer) -> None:
    """Find a wrong release key at the start, in a process that has no key-encryption key.

    Raises:
        SealBroken: It was not derived from the key-encryption key of this database.
    """
    with reading(engine) as connection:
        probe = connection.scalar(select(installation.c.release_seal_probe))
    if probe is not None:
        release_sealer.open(probe, RELEASE_SEAL_PROBE_PURPOSE)


def assert_known(revision: str) -> None:
    """Refuse tables of a version that this program does not know.

    Raises:
        StoreVersionMismatch: A newer version made them.
    """
    if revision not in REVISIONS:
        raise StoreVersionMismatch(
            f"a newer version (schema {revision}) than this program made the copy",
            "Install the version that made it, or a later one. Nothing was changed.",
        )


def create_tables(connection: Connection, revision: str) -> None:
    """Make the tables of one version in an empty database. They hold no row, not even an installation's.

    Args:
        connection: In a transaction.
        revision: One of :data:`REVISIONS`.
    """
    _migrate(connection, revision)


def _seal_release_keys(connection: Connection, sealer: Sealer) -> None:
    """Seal private keys of earlier versions under the release key. Doing it again changes nothing."""
    release_keys.seal_anew(connection, sealer)
    release_keys.keep_public_halves(connection, sealer)
    probe = connection.scalar(select(installation.c.release_seal_probe))
    if probe is None:
        sealed = sealer.releases.seal(Secret(b"engage"), RELEASE_SEAL_PROBE_PURPOSE)
        connection.execute(update(installation).values(release_seal_probe=sealed))


def _assert_not_newer(engine: Engine) -> None:
    revision = _revision(engine)
    if revision is not None and revision not in REVISIONS:
        raise StoreVersionMismatch(
            f"the database was made by a newer version (schema {revision}) than this program",
            "Install the version that made it, or a later one. Nothing was changed.",
        )


def _revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _migrate(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
