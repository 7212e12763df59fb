"""The release key, for a process that serves: derived from the key-encryption key when it starts."""

import socket
from collections.abc import Mapping

from engage_server.composition.keys.source import read_key
from engage_server.composition.starting.served_copy import open_to_start
from engage_server.errors import StoreNotUsable
from engage_server.records import KeyHolder, Secret
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.sql_store import SqlStore


def derived_release_key(
    settings: Settings,
    environment: Mapping[str, str],
    starts_alone: str = "",
    away: StoreNotUsable | None = None,
) -> Secret:
    """Derive the release key from the installation key, which the key-encryption key opens.

    From then on, this process has both in memory. Never call it in one that is forked into workers. While the database
    is away, this host's copy has the installation key.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        starts_alone: How the place of a holder begins that reads the key only when it starts. It is reported, so that
            a change of the key waits until it was started again. "": the operators' instance reports for this host.
        away: As for :func:`.open_to_start`.

    Raises:
        StoreNotUsable: There is no database, or it does not answer and this host has no copy.
        StoreVersionMismatch: It was made by another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: It is not the key of this database.
    """
    with open_to_start(settings, away) as start:
        given = read_key(settings, environment)
        with start.opening_seals():
            release_key = schema.opened_sealer(start.first, given.key).release_key
        if starts_alone and start.copy is None:
            place = f"{starts_alone}{settings.data_dir}"
            holder = KeyHolder(socket.gethostname(), place, given.key.key_id, str(given.source))
            SqlStore(start.database, None).report_key(holder)
        start.database.dispose()
        return release_key


def needs_key_no_more(settings: Settings, starts_alone: str) -> None:
    """Report that a process which starts alone has a release key now: a change of the other key need not wait for it.

    Args:
        settings: The settings.
        starts_alone: As for :func:`derived_release_key`.

    Raises:
        StoreNotUsable: There is no database, or it does not answer and this host has no copy.
        StoreVersionMismatch: It was made by another version.
    """
    with open_to_start(settings) as start:
        if start.copy is None:
            holder = f"{starts_alone}{settings.data_dir}"
            SqlStore(start.database, None).remove_key_holder(socket.gethostname(), holder)
        start.database.dispose()
