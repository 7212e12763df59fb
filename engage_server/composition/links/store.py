"""Opens the database of the ingress, where it has one."""

from engage_server.composition.opening import kept_open
from engage_server.errors import SettingsInvalid
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_path
from engage_server.store.database.same_installation import keep_to_installation
from engage_server.store.links.ingress_store import IngressStore, role_sql

__all__ = ["IngressStore", "open_ingress_store", "role_sql"]


def open_ingress_store(settings: Settings) -> IngressStore | None:
    """Open the database by the role of the ingress. None if the setting ``links_database_url`` names none.

    Raises:
        SettingsInvalid: It is not PostgreSQL.
        StoreNotUsable: It does not answer, or the role may not do what it must.
        StoreVersionMismatch: It was made by another version.
    """
    if settings.links_database_url is None:
        return None
    url = settings.links_database_url.reveal()
    if sqlite_path(url) is not None or not url.startswith("postgresql"):
        raise SettingsInvalid(
            "links_database_url must be PostgreSQL: the ingress never opens a SQLite file",
            "Remove the setting. Then the operators' instance of this host stores what partners report.",
        )
    with kept_open(open_engine(url)) as engine:
        schema.assert_current(engine)
        store = IngressStore(engine)
        store.look()
        if store.knows_installation():
            keep_to_installation(engine)
            store.look()  # as whose it is found now
        return store
