"""``engage init``: the key-encryption key and the database made, or brought up to date; one at a time."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from engage_server.composition.opening import ensured_sealer, kept_open
from engage_server.composition.operator_side import OperatorSide
from engage_server.errors import NotPossible
from engage_server.files import SECRET_MODE, make_folder
from engage_server.records import AuditHead
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.engine import create_sqlite_file, only_one, open_engine
from engage_server.store.sql_store import SqlStore


def create_installation(
    settings: Settings,
    environment: Mapping[str, str],
    actor: str = "engage init",
    told: Callable[[AuditHead], None] = lambda head: None,
) -> OperatorSide:
    """Make the key-encryption key and the database, or bring them up to date, and open them.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        actor: Who does it, for the audit log.
        told: Called with each entry of the audit log that is written.

    Raises:
        NotPossible: A file or the database stood in the way.
        SealBroken: The database was sealed with a key-encryption key that is not there.
    """
    make_folder(settings.data_dir)
    make_folder(settings.certs_dir)
    url = settings.database_url.reveal()
    sealer = ensured_sealer(settings, environment)
    create_sqlite_file(url)
    with kept_open(open_engine(url)) as engine:
        schema.upgrade(engine, sealer, actor, told)
        return OperatorSide(SqlStore(engine, sealer, told=told), settings)


@contextmanager
def only_one_init(settings: Settings) -> Iterator[None]:
    """Keep a second ``engage init`` away while one runs: on this machine, and on the same PostgreSQL.

    One on another machine is waited for; it finds done what the first one did.

    Raises:
        NotPossible: Another one is running.
        StoreNotUsable: The database does not answer.
    """
    with _only_one_here(settings), only_one(open_engine(settings.database_url.reveal())):
        yield


@contextmanager
def _only_one_here(settings: Settings) -> Iterator[None]:
    make_folder(settings.data_dir)
    path = settings.data_dir / ".init.lock"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, SECRET_MODE)
    except OSError as error:
        raise NotPossible(f"{path}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise NotPossible("another 'engage init' is running here", "Wait for it, then look: engage site list") from None
    finally:
        os.close(descriptor)
