"""The services that know people and tokens."""

from functools import cached_property
from typing import TYPE_CHECKING

from engage_server.services.access.people import People
from engage_server.services.access.requests import Requests
from engage_server.services.access.sign_ins import SignIns
from engage_server.services.access.tokens import Tokens
from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.services.access.openid.sign_in import OpenIdSignIn
    from engage_server.services.access.passwords import Passwords


class AccessSide:
    """Who may come in.

    Args:
        store: The store.
        settings: The settings.
    """

    def __init__(self, store: SqlStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    @cached_property
    def people(self) -> People:
        """Adds, changes and removes people."""
        return People(self._store, self._passwords)

    @cached_property
    def sign_ins(self) -> SignIns:
        """Begins, finds and ends sessions."""
        return SignIns(self._store, self._passwords)

    @cached_property
    def tokens(self) -> Tokens:
        """Makes, checks and revokes tokens."""
        return Tokens(self._store)

    @cached_property
    def requests(self) -> Requests:
        """Knows which requests of other systems were carried out."""
        return Requests(self._store)

    @cached_property
    def openid(self) -> "OpenIdSignIn":
        """Signs people in at the OpenID provider.

        Raises:
            SettingsInvalid: None is set, or its settings cannot be used.
            NotInstalled: The extra is not installed.
        """
        import time

        from engage_server.composition.openid.terms_file import assert_set
        from engage_server.services.access.openid.provider import Provider
        from engage_server.services.access.openid.sign_in import OpenIdSignIn

        terms = assert_set(self._settings)
        return OpenIdSignIn(terms, Provider(terms, time.monotonic), self._store)

    @cached_property
    def _passwords(self) -> "Passwords":
        from engage_server.services.access.passwords import Passwords

        return Passwords()
