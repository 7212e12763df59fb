"""Reads all that the ingress needs before it serves, so that a fault is one sentence at the start."""

from collections.abc import Sequence
from dataclasses import dataclass

from engage_server.composition.links.key import LinkKey
from engage_server.errors import FileNotUsable
from engage_server.files import make_folder
from engage_server.links import partners
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.settings import Settings
from engage_server.store.interface import IngressTables


@dataclass(frozen=True, slots=True)
class ReadLinks:
    """What was read.

    Attributes:
        file: ``links.toml``.
        prepared: The partners.
        key: Opens the secrets of devices on links.
        database: By the role of the ingress; None without ``links_database_url``. No connection is open.
    """

    file: LinksFile
    prepared: Sequence[partners.Prepared]
    key: LinkKey
    database: IngressTables | None


def read_links(settings: Settings) -> ReadLinks:
    """Read ``links.toml``, the keys and secrets of all partners, and the key of the links.

    Raises:
        SettingsInvalid: Something in them is wrong.
        FileNotUsable: There is no data folder, or a file cannot be read.
        StoreNotUsable: The database of the ingress does not answer, or refuses its role.
    """
    if not settings.data_dir.is_dir():
        raise FileNotUsable(f"{settings.data_dir} does not exist", "Run 'engage init' first, or correct data_dir.")
    file = read_links_file(settings.links_file, settings.links_bind, settings.links_port)
    for host in file.hosts.values():
        if host.key_file == settings.links_key_file:
            raise host.where.refused(
                f"{host.key_file} is the file of the setting links_key_file, which holds another kind of key",
                "Name the TLS key differently, such as links-tls.key.",
                "key_file",
            )
    return ReadLinks(file, partners.prepare(file), LinkKey(settings), _database(settings))


def _database(settings: Settings) -> IngressTables | None:
    if settings.links_database_url is None:
        return None
    # only here: without that setting, nothing of a database is ever in this process
    from engage_server.composition.links.store import open_ingress_store

    store = open_ingress_store(settings)
    if store is not None:
        store.close()  # its connections, not the store: no connection may survive into a fork
    return store


def make_folders(settings: Settings) -> None:
    """Make the folders that the ingress shares with the operators' instance.

    Raises:
        FileNotUsable: This user may not write to the data folder.
    """
    make_folder(settings.links_dir, within=settings.data_dir)
    make_folder(settings.path_events_dir, within=settings.data_dir)
