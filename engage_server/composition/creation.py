"""``engage init``: makes the key-encryption key and the database, or updates them. Only one run at a time."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from engage_server.composition.opening import assert_key_not_lost, ensured_key, kept_open
from engage_server.composition.operator_side import OperatorSide
from engage_server.composition.remains import assert_not_lost, assert_not_restoring, begin, leave_trace
from engage_server.composition.starting.served_copy import remove_copy
from engage_server.errors import NotPossible
from engage_server.files import SECRET_MODE, make_folder, open_file, replace_file
from engage_server.records import AuditHead
from engage_server.records.telling import Tell, tell_nobody
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, only_one, open_engine
from engage_server.store.keys.first_key import FirstKey
from engage_server.store.sql_store import SqlStore

UPDATED = "updated the database"  # how the sentence begins that says so


def create_installation(
    settings: Settings,
    environment: Mapping[str, str],
    actor: str = "engage init",
    told: Callable[[AuditHead], None] = lambda head: None,
    tell: Tell = tell_nobody,
    *,
    new: bool = False,
    reason: str = "",
) -> OperatorSide:
    """Make the key-encryption key and the database, or update them, and open them.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        actor: Who does it, for the audit log.
        told: Called with each entry of the audit log that is written.
        tell: Called with a sentence about each step that was done.
        new: Make a new database even if one was lost.
        reason: Why, for the audit log.

    Raises:
        Conflict: The database is lost, and ``new`` was not requested. Nothing was made.
        NotPossible: A file or the database prevented it.
        SealBroken: The database was sealed with a key-encryption key that is not there.
        SettingsInvalid: There is no key-encryption key, but there is a database. Nothing was made.
    """
    assert_not_restoring(settings)
    if not new:
        assert_not_lost(settings)
    assert_key_not_lost(settings, environment)
    make_folder(settings.data_dir)
    make_folder(settings.certs_dir)
    url, begun = settings.database_url.reveal(), begin(settings)
    replace_file(begun, b"", SECRET_MODE)  # it marks what an interrupted run leaves: that is no lost installation
    key = ensured_key(settings, environment).key
    create_sqlite_file(url)
    with kept_open(open_engine(url)) as engine:
        done = schema.upgrade(engine, key, actor, told, reason=reason)
        begun.unlink(missing_ok=True)
        leave_trace(settings)
        remove_copy(settings)  # it may be of an earlier installation
        if done.before is not None:
            tell(f"{UPDATED} from schema {done.before} to {schema.REVISIONS[-1]}; the audit log records it")
        if done.first_key is not None:
            _tell_of_first_key(done.first_key, settings, tell)
        return OperatorSide(SqlStore(engine, done.sealer, told=told), settings)


def _tell_of_first_key(first: FirstKey, settings: Settings, tell: Tell) -> None:
    """Say what the operators of an updated installation have to know."""
    tell(
        f"{UPDATED}: its secrets are sealed under an installation key now. The audit log ended with "
        f"{first.old_head} and ends with {first.new_head} now: earlier notes stay valid for 'engage audit verify'"
    )
    for purpose in first.sealed.broken:
        tell(f"{UPDATED}, but this does not open and was left as it is: {purpose}")
    if first.exported or settings.release_key_file is not None:
        files = f" ({', '.join(first.exported)})" if first.exported else ""
        tell(
            f"{UPDATED}: exported release keys are not valid any more{files}. Export them again before you restart "
            "'engage serve https' there: engage key export-release-key FILE"
        )


@contextmanager
def only_one_init(settings: Settings) -> Iterator[None]:
    """Refuse a second ``engage init`` while one runs, on this machine and on the same PostgreSQL.

    If one runs on another machine, wait for it. Afterwards this one finds its work done.

    Raises:
        NotPossible: Another one is running on this machine.
        StoreNotUsable: The database does not answer.
    """
    with _only_one_here(settings), only_one(open_engine(settings.database_url.reveal())):
        yield


@contextmanager
def _only_one_here(settings: Settings) -> Iterator[None]:
    make_folder(settings.data_dir)
    path = settings.data_dir / ".init.lock"
    try:
        descriptor = open_file(path, os.O_RDWR)
    except OSError as error:
        raise NotPossible(f"{path}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise NotPossible("another 'engage init' is running", "Wait until it ends, then: engage site list") from None
    finally:
        os.close(descriptor)
