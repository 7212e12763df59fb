"""The OpenID provider: its metadata and keys, which are kept for a while, and the exchange of a code for a token."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests import Session
from requests.exceptions import ConnectionError as Unreachable
from requests.exceptions import RequestException, SSLError, Timeout

from engage_server.errors import EngageError, NotPossible
from engage_server.services.access.openid import bounded_requests
from engage_server.services.access.openid.id_token import ProviderKey, read_keys
from engage_server.services.access.openid.refusals import away, refused
from engage_server.services.access.openid.terms import OpenIdTerms
from engage_server.services.access.openid.trip import Trip

_KEPT_SECONDS = 3600.0
_KEYS_ANEW_SECONDS = 60.0  # a token with an unknown key makes us ask again, but not more often
_SEEN_SECONDS = 5.0  # a browser is sent only to a provider that answered so lately
_SILENT_SECONDS = 5.0  # after a failure, nobody waits for the same again
_MAX_KEYS = 50
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says about itself (OpenID Connect Discovery 1.0, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_auth_methods: tuple[str, ...]
    names_itself: bool  # RFC 9207: each answer says whose it is


class Provider:
    """Asks the provider. Threads may share it.

    Args:
        terms: What the settings say.
        clock: Seconds of a clock that never goes back.
        turns: Limits how many calls happen at once, and how long each takes.
    """

    def __init__(
        self, terms: OpenIdTerms, clock: Callable[[], float], turns: bounded_requests.Turns | None = None
    ) -> None:
        self._terms = terms
        self._clock = clock
        self._turns = turns or bounded_requests.Turns()
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, tuple[ProviderKey, ...]] | None = None
        self._failed: tuple[float, EngageError] | None = None

    def address(self, trip: Trip) -> str:
        """Return where the browser goes to sign in.

        Raises:
            NotPossible: The provider's metadata cannot be had (``openid.unavailable``).
        """
        metadata = self.metadata(_SEEN_SECONDS)
        url, _ = self._session(metadata).create_authorization_url(
            metadata.authorization_endpoint, state=trip.state, code_verifier=trip.verifier, nonce=trip.nonce
        )
        return str(url)

    def token(self, code: str, trip: Trip) -> str:
        """Exchange a code for an ID token. It is not verified yet.

        Raises:
            Refused: The provider does not accept the code (``openid.code``), or sends no token (``openid.malformed``).
            NotPossible: It cannot be asked now (``openid.unavailable``).
        """
        metadata = self.metadata()

        def exchange() -> object:
            session = self._session(metadata)
            return session.fetch_token(
                metadata.token_endpoint, code=code, code_verifier=trip.verifier, allow_redirects=False
            )

        try:
            answer = self._turns.take(exchange)
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise refused("openid.code") from None
            raise away(f"it refuses our request for a token: {str(error.error)[:40]}") from None
        except RequestException as error:
            raise away(_why(error)) from None
        except ValueError:
            raise away("its token endpoint answers no JSON") from None
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise refused("openid.malformed")
        return token

    def metadata(self, kept_seconds: float = _KEPT_SECONDS) -> Metadata:
        """Return what the provider says about itself.

        Args:
            kept_seconds: How old it may be.

        Raises:
            NotPossible: It cannot be had (``openid.unavailable``).
        """
        kept = self._metadata
        if kept is not None and self._clock() - kept[0] <= kept_seconds:
            return kept[1]
        with self._alone():
            document = self._get(self._terms.issuer.rstrip("/") + _DISCOVERY)
            self._metadata = self._clock(), _read_metadata(document, self._terms.issuer)
            return self._metadata[1]

    def keys(self, *, anew: bool = False) -> tuple[ProviderKey, ...]:
        """Return the provider's public keys.

        Args:
            anew: Whether a token names one that was not there. Then they are asked for again, once a minute at most.

        Raises:
            NotPossible: They cannot be had (``openid.unavailable``).
        """
        metadata = self.metadata()
        kept, limit = self._keys, _KEYS_ANEW_SECONDS if anew else _KEPT_SECONDS
        if kept is not None and self._clock() - kept[0] <= limit:
            return kept[1]
        with self._alone():
            found = read_keys(self._get(metadata.jwks_uri), _MAX_KEYS)
            if not found:
                raise away("it publishes no key that could sign a token")
            self._keys = self._clock(), found
            return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock, so that one thread asks. Others do not wait long: they have other people to answer."""
        if not self._lock.acquire(timeout=bounded_requests.WAIT_SECONDS):
            raise away("others wait for it already")
        try:
            yield
        finally:
            self._lock.release()

    def _get(self, url: str) -> object:
        """Return a document of the provider. The caller holds the lock."""
        if self._failed is not None and self._clock() - self._failed[0] < _SILENT_SECONDS:
            raise self._failed[1]
        try:
            self._failed = None
            return self._turns.take(lambda: self._document(url))
        except NotPossible as error:
            self._failed = self._clock(), error
            raise

    def _document(self, url: str) -> object:
        with Session() as session:
            self._bind(session)
            try:
                answer = session.get(url, allow_redirects=False, headers={"Accept": "application/json"})
                if answer.status_code != 200:
                    raise away(f"{url} answers with status {answer.status_code}")
                return answer.json()
            except ValueError:
                raise away(f"{url} is no JSON") from None
            except RequestException as error:
                raise away(_why(error)) from None

    def _session(self, metadata: Metadata) -> OAuth2Session:
        secret = self._terms.client_secret
        posts = "client_secret_basic" not in metadata.token_auth_methods and metadata.token_auth_methods
        method = "none" if secret is None else "client_secret_post" if posts else "client_secret_basic"
        session = OAuth2Session(
            self._terms.client_id,
            None if secret is None else secret.reveal().decode(),
            token_endpoint_auth_method=method,
            scope=" ".join(self._terms.scopes),
            redirect_uri=self._terms.return_url,
            code_challenge_method="S256",
        )
        self._bind(session)
        return session

    def _bind(self, session: Session) -> None:
        ca_file = self._terms.ca_file
        bounded_requests.bind(session, None if ca_file is None else str(ca_file))


def is_protected(url: str) -> bool:
    """Whether nobody can read along: HTTPS, or this machine alone."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")


def _read_metadata(document: object, issuer: str) -> Metadata:
    if not isinstance(document, dict):
        raise away("its metadata is no JSON object")
    if document.get("issuer") != issuer:
        told = str(document.get("issuer"))[:200]
        raise away(f"it calls itself {told}, and the setting oidc_issuer must be that to the letter")
    return Metadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        token_auth_methods=tuple(map(str, document.get("token_endpoint_auth_methods_supported") or ())),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_protected(url):
        raise away(f"its metadata has no {name} with https")
    return url


def _why(error: RequestException) -> str:
    """Say what went wrong, without an address: it could hold a code."""
    if isinstance(error, SSLError):
        return "its certificate is not trusted here. The setting oidc_ca_file names other authorities"
    if isinstance(error, Timeout):
        return "it does not answer in time"
    if isinstance(error, Unreachable):
        return "it cannot be reached"
    if isinstance(error, bounded_requests.TooLong):
        return "it sends too much"
    return f"it could not be asked ({type(error).__name__})"
