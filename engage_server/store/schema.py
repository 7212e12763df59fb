"""The version of a database's tables, and their upgrade to the present version."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, event, inspect, select, text, update

from engage_server.errors import StoreVersionMismatch
from engage_server.records import AuditAction, AuditEvent, AuditHead, Secret
from engage_server.store import audit_log, release_keys
from engage_server.store.database.engine import after_commit, reading, writing
from engage_server.store.keys.first_key import SINCE as FIRST_KEY_SINCE
from engage_server.store.keys.first_key import FirstKey, existing_sealer, first_key, new_sealer, seal_again
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.keys.sealed_values import RELEASE_SEAL_PROBE_PURPOSE, SEAL_PROBE_PURPOSE
from engage_server.store.sealing import DerivingKey, ReleaseSealer, Sealer
from engage_server.store.shared_files.sealed_contents import SINCE as CONTENTS_SINCE
from engage_server.store.shared_files.sealed_contents import seal_plain
from engage_server.store.tables import installation

# Oldest first. The names of the files say it: asking Alembic would take a quarter of a second at every start of every
# command. A test compares this with what Alembic says.
_MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")))

# The probe's content since the audit log is a chain: nobody without the key can make a database look older.
_PROBE, _PROBE_OF_A_CHAIN = Secret(b"engage"), Secret(b"engage, and the audit log is a chain")
_CHAIN_SINCE = "0003"
_UPGRADE_LOCK = 0x656E67616765  # "engage", for pg_advisory_xact_lock


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The result of an update of the tables.

    Attributes:
        sealer: Opens what is sealed.
        before: The earlier version of the tables. None for new tables, and for those of this version.
        first_key: What changed for the installation key. None if the database had one.
    """

    sealer: Sealer
    before: str | None
    first_key: FirstKey | None


def upgrade(
    engine: Engine,
    key: KeyEncryptionKey,
    actor: str = "engage init",
    told: Callable[[AuditHead], None] = lambda head: None,
    *,
    reason: str = "",
    installation_key: Secret | None = None,
) -> Upgrade:
    """Create the tables, or update them to this version. Doing it again changes nothing.

    It signs only what it wrote, with two exceptions. Entries of a version whose log was no chain are signed. Sound ones
    from before there was an installation key are signed again. An entry records that.

    Args:
        engine: The engine.
        key: Opens the installation key, or wraps the one that is made.
        actor: Who does it, for that entry.
        told: Called with each entry that this writes.
        reason: Why, for that entry.
        installation_key: For a database that has none yet. None: a random one.

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
        log = _Log(connection, before or "", actor, reason)
        had_probe = before is not None and connection.scalar(select(installation.c.seal_probe)) is not None
        done = _sealed(log, key, installation_key, is_new=before is None)
        if before is not None and before < CONTENTS_SINCE:
            seal_plain(connection, done.sealer)
        _complete_release_keys(connection, done.sealer)
        if done.before is not None and not log.entries and had_probe:
            log.append(done.sealer, AuditAction.INSTALLATION_MIGRATED, **log.versions)
        for entry in log.entries:
            after_commit(connection, partial(told, entry))
    return Upgrade(done.sealer, done.before, done.first_key)


class _Log:
    """Writes what an update does into the audit log.

    Attributes:
        connection: The connection of the update.
        before: The version of the tables before. "" for new tables.
        entries: What it wrote.
    """

    def __init__(self, connection: Connection, before: str, actor: str, reason: str) -> None:
        self.connection = connection
        self.before = before
        self._actor, self._reason = actor, reason
        self.entries: list[AuditHead] = []

    @property
    def versions(self) -> dict[str, str]:
        """The versions, as facts."""
        return {"from": self.before, "to": REVISIONS[-1]}

    def append(self, sealer: Sealer, action: AuditAction, **facts: str) -> None:
        """Write an entry."""
        event = AuditEvent(datetime.now(UTC), self._actor, action, facts=facts, reason=self._reason)
        self.entries.append(audit_log.append(self.connection, event, sealer))


def _sealed(log: _Log, key: KeyEncryptionKey, installation_key: Secret | None, *, is_new: bool) -> Upgrade:
    """Open the installation key of the database, or give it one."""
    connection = log.connection
    if is_new:
        sealer = new_sealer(connection, key, installation_key)
        _begin(connection, sealer)
        audit_log.begin(connection, sealer)
        return Upgrade(sealer, None, None)
    migrated_from = None if log.before == REVISIONS[-1] else log.before
    if log.before >= FIRST_KEY_SINCE:
        sealer = existing_sealer(connection, key)
        if connection.scalar(select(installation.c.seal_probe)) is None:
            _begin(connection, sealer)
        else:
            _mark(connection, sealer, sealer)
        return Upgrade(sealer, migrated_from, None)
    return Upgrade(*_first_sealed(log, key, installation_key))


def _first_sealed(log: _Log, key: KeyEncryptionKey, installation_key: Secret | None) -> tuple[Sealer, str, FirstKey]:
    """Give a database of an earlier version its installation key, after its probe has shown that the key is right."""
    connection, earlier = log.connection, key.earlier_sealer()
    probe = connection.scalar(select(installation.c.seal_probe))
    is_chained = True
    if probe is not None:  # opened before anything is sealed
        is_chained = earlier.open(probe, SEAL_PROBE_PURPOSE) != _PROBE or log.before >= _CHAIN_SINCE
    if probe is not None and is_chained:
        _mark(connection, earlier, earlier)
    sealer = new_sealer(connection, key, installation_key)
    sealed = seal_again(connection, earlier, sealer)
    if probe is None:
        _begin(connection, sealer)
    first = first_key(connection, earlier, sealer, sealed, is_chained=is_chained)
    if not is_chained:
        chained = audit_log.chain_older(connection, sealer)
        log.append(sealer, AuditAction.AUDIT_CHAINED, entries=str(chained), schema=log.before)
        _mark(connection, sealer, sealer)
    elif probe is not None:
        log.append(sealer, AuditAction.INSTALLATION_KEY_MADE, **log.versions, **first.facts())
    return sealer, log.before, first


def _begin(connection: Connection, sealer: Sealer) -> None:
    """Add the one row. If someone removed it from an older database, its log stays without a seal: that is a fault."""
    sealed = sealer.seal(_PROBE_OF_A_CHAIN, SEAL_PROBE_PURPOSE)
    connection.execute(installation.insert().values(id=1, generation=1, seal_probe=sealed))


def _mark(connection: Connection, sealer: DerivingKey, signer: DerivingKey) -> None:
    """Mark the database as one whose log is a chain, if it is a complete one."""
    probe = connection.scalar(select(installation.c.seal_probe))
    if probe is None or sealer.open(probe, SEAL_PROBE_PURPOSE) != _PROBE:
        return
    if not audit_log.verdict(connection, signer).faults:
        sealed = sealer.seal(_PROBE_OF_A_CHAIN, SEAL_PROBE_PURPOSE)
        connection.execute(update(installation).values(seal_probe=sealed))


def assert_current(engine: Engine) -> None:
    """Refuse a database whose tables are not those of this version.

    Raises:
        StoreVersionMismatch: They are newer, older, or missing.
    """
    _assert_revision(_revision(engine))


def assert_current_when_used(engine: Engine) -> None:
    """Refuse each use of a database that was not asked yet, until its tables are found to be those of this version.

    A use raises StoreVersionMismatch if they are newer, older, or missing.
    """
    is_known = False

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        nonlocal is_known
        if not is_known:
            _assert_revision(_revision_of(connection))
            is_known = True


def is_sealed(engine: Engine) -> bool:
    """Whether the database holds an installation, whose secrets are sealed with some key-encryption key."""
    return _revision(engine) is not None


def opened_sealer(engine: Engine, key: KeyEncryptionKey) -> Sealer:
    """Open the installation key. A wrong key-encryption key is found here, not when the first device calls.

    Raises:
        SealBroken: It is not the key of this database.
    """
    with reading(engine) as connection:
        return existing_sealer(connection, key)


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


def _complete_release_keys(connection: Connection, sealer: Sealer) -> None:
    """Store the public halves and the probe that earlier versions had not. Doing it again changes nothing."""
    release_keys.keep_public_halves(connection, sealer)
    probe = connection.scalar(select(installation.c.release_seal_probe))
    if probe is None:
        sealed = sealer.releases.seal(Secret(b"engage"), RELEASE_SEAL_PROBE_PURPOSE)
        connection.execute(update(installation).values(release_seal_probe=sealed))


def _assert_revision(revision: str | None) -> None:
    _assert_known_revision(revision)
    if revision != REVISIONS[-1]:
        raise StoreVersionMismatch(
            "the database does not have the tables of this version",
            "Run 'engage init': it creates what is missing, updates the tables and loses nothing.",
        )


def _assert_not_newer(engine: Engine) -> None:
    _assert_known_revision(_revision(engine))


def _assert_known_revision(revision: str | None) -> None:
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
