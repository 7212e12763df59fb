"""Signing in at the provider, from the first redirect to the session."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engage_server.errors import EngageError
from engage_server.records import Person
from engage_server.services.access.attempts import Attempts
from engage_server.services.access.openid.arrivals import Arrivals, read_identity
from engage_server.services.access.openid.id_token import Expected, UnknownKey, verify
from engage_server.services.access.openid.provider import Provider
from engage_server.services.access.openid.refusals import refused
from engage_server.services.access.openid.terms import OpenIdTerms
from engage_server.services.access.openid.trip import Trip
from engage_server.store.interface import AttemptStore, PeopleStore

_log = logging.getLogger(__name__)

_MAX_CODE = 4096


class OpenIdStore(PeopleStore, AttemptStore, Protocol):
    """The part of the store that signing in at a provider needs."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back from the provider.

    Attributes:
        cookie: The cookie of its trip. "" if it has none.
        state, code, issuer, error: As the provider put them into the address. "" for what is not there.
        address: Where the browser is.
    """

    cookie: str
    state: str
    code: str
    issuer: str
    error: str
    address: str

    def __repr__(self) -> str:
        return f"Returned(***, {self.address!r})"


class OpenIdSignIn:
    """Sends browsers to the provider, and receives them back.

    Args:
        terms: What the settings say.
        provider: The provider.
        store: The store.
    """

    def __init__(self, terms: OpenIdTerms, provider: Provider, store: OpenIdStore) -> None:
        self._terms = terms
        self._provider = provider
        self._attempts = Attempts(store)
        self._arrivals = Arrivals(store, terms.groups)

    def begin(self, now: datetime, aim: str = "") -> tuple[Trip, str]:
        """Begin a trip. Return it with the address to which the browser goes.

        Args:
            now: The time; aware.
            aim: The page to which the browser goes in the end. :attr:`.Trip.aim` has it when the browser is back.

        Raises:
            NotPossible: The provider cannot be used now (``openid.unavailable``).
        """
        trip = Trip.begin(now, aim)
        try:
            return trip, self._provider.address(trip)
        except EngageError as error:
            _log.warning("nobody can sign in by OpenID now: %s: %s", error.code, error.sentence)
            raise

    def finish(self, returned: Returned, now: datetime) -> Person:
        """Return who came back.

        Raises:
            Refused: They may not sign in. The code says why: see :mod:`.refusals`, or ``sign_in.wait``.
            NotPossible: The provider cannot be used now (``openid.unavailable``).
        """
        try:
            return self._finish(returned, now)
        except EngageError as error:
            _log.warning("a sign-in by OpenID from %s failed: %s: %s", returned.address, error.code, error.sentence)
            raise

    def _finish(self, returned: Returned, now: datetime) -> Person:
        trip = self._trip(returned, now)
        # not counted together with passwords: a provider that is down must not keep a local admin out
        who = f"openid {returned.address}"
        self._attempts.begin(who, who, now)
        if not self._attempts.is_first(f"openid {trip.state}", now):
            raise refused("openid.replayed")
        if returned.error or not 0 < len(returned.code) <= _MAX_CODE:
            raise refused("openid.denied")
        claims = self._claims(self._provider.token(returned.code, trip), trip, now)
        person = self._arrivals.person(read_identity(claims, self._terms), now)
        self._attempts.succeeded(who, who, now)
        return person

    def _trip(self, returned: Returned, now: datetime) -> Trip:
        """Return the trip that a browser comes back from."""
        trip = Trip.read(returned.cookie)
        if trip is None or not trip.has_state(returned.state):
            raise refused("openid.state")
        if trip.is_over(now):
            raise refused("openid.late")
        names_itself = bool(returned.issuer) or self._provider.metadata().names_itself
        if names_itself and returned.issuer != self._terms.issuer:
            raise refused("openid.issuer")
        return trip

    def _claims(self, token: str, trip: Trip, now: datetime) -> Mapping[str, Any]:
        expected = Expected(self._terms.issuer, self._terms.client_id, trip.nonce)
        try:
            return verify(token, self._provider.keys(), expected, now)
        except UnknownKey:
            return verify(token, self._provider.keys(anew=True), expected, now)
