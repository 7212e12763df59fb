"""Tokens: got with a secret that only a file has, renewed before they end, and asked for by one thread at a time."""

import base64
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from engage_server.errors import EngageError, Refused, UpstreamAway, UpstreamSilent
from engage_server.links.sim.client.clocks import Clocks
from engage_server.links.sim.client.problems import words_of
from engage_server.links.sim.client.return_codes import AWAY, Called, error_of
from engage_server.links.sim.contract.answers import parsed, text_of, unusable
from engage_server.links.sim.contract.operator_map import Login
from engage_server.links.sim.contract.pointers import found_at, put_at
from engage_server.records import Secret
from engage_server.services.calling_out.host import OutsideHost, WholeAnswer

_MAX_TOKEN: Final = 16 * 1024
_LONGEST: Final = 86_400.0
_MARGIN_SECONDS: Final = 30.0
_FORM: Final = "application/x-www-form-urlencoded"
_FIX: Final = "Check token_url, and the network in between."


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was got.

    Attributes:
        value: What goes behind ``Bearer``.
        got: When, by the clock that nobody can set.
        lasts: For how many seconds it is good.
    """

    value: Secret
    got: float
    lasts: float = field(default=float("inf"))


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a token is got with.

    Attributes:
        account: The account's name, for errors.
        client_id: The client's name; "" for an exchange.
        secret: The client's secret, what is exchanged, or a token that the operator gave for good.
        scope: What is asked for; "" for nothing.
    """

    account: str
    client_id: str
    secret: Secret
    scope: str


class TokenSource:
    """The token of an account. Safe for many threads.

    Args:
        login: How it is got.
        credentials: With what.
        host: The host of ``token_url``; None where the secret itself is the token.
        target: Its path and query.
        seconds: How long a call may take that uses the token.
        clocks: The clock and the pauses.
    """

    def __init__(
        self,
        login: Login,
        credentials: Credentials,
        host: OutsideHost | None,
        target: str,
        seconds: float,
        clocks: Clocks,
    ) -> None:
        self._login = login
        self._credentials = credentials
        self._host, self._target = host, target
        self._margin = _MARGIN_SECONDS + seconds
        self._clocks = clocks
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._called = Called(credentials.account, "POST token_url", is_write=False)

    def token(self) -> Token:
        """Return a token that outlasts a call that begins now.

        Raises:
            EngageError: None is given: ``sim.login``, ``sim.no_token``, ``sim.answer``, or as for each call.
        """
        with self._lock:
            if self._token is None or self._ends_soon(self._token):
                self._token = self._new()
            return self._token

    def renewed(self, refused: Token) -> Token:
        """Return another token than one that was refused. Several threads that were refused ask once.

        Raises:
            EngageError: As for :meth:`token`.
        """
        with self._lock:
            if self._token is None or self._token is refused:
                self._token = self._new()
            return self._token

    def forget(self, refused: Token) -> None:
        """Let the next call get another token than this one."""
        with self._lock:
            if self._token is refused:
                self._token = None

    def secrets(self) -> tuple[Secret, ...]:
        """Return what no error may repeat."""
        token = self._token
        return (self._credentials.secret, *((token.value,) if token is not None else ()))

    def _ends_soon(self, token: Token) -> bool:
        margin = min(self._margin, token.lasts / 2)
        return self._clocks.now() >= token.got + token.lasts - margin

    def _new(self) -> Token:
        if self._host is None:
            return Token(self._credentials.secret, 0.0)
        asked = self._clocks.now()
        try:
            answer = self._asked(self._host)
            if answer.status != 200:
                raise self._refusal(answer)
            return self._read(parsed(answer.body, self._called.where), asked)
        except UpstreamSilent as error:
            raise self._none(error) from None

    def _asked(self, host: OutsideHost) -> WholeAnswer:
        """A call for a token changes nothing, so it is repeated as a read is."""
        target, body, fields = self._request()
        attempt = 1
        while True:
            answer = host.call("POST", target, body, fields, _FIX)
            if answer.status not in AWAY or not self._clocks.pause(attempt, answer.retry_seconds):
                return answer
            attempt += 1

    def _request(self) -> tuple[str, bytes, dict[str, str]]:
        login, target = self._login, self._target
        fields = {"Content-Type": _FORM if login.body_as == "form" else "application/json"}
        content: dict[str, Any] = {}
        if login.way == "exchange":
            put_at(content, login.secret_at, self._credentials.secret.reveal().decode("utf-8", "replace"))
        else:
            if login.grant_type_in == "query":
                target += ("&" if "?" in target else "?") + "grant_type=client_credentials"
            else:
                content["grant_type"] = "client_credentials"
            if self._credentials.scope:
                content["scope"] = self._credentials.scope
            self._authenticate(content, fields)
        return target, _written(content, login), fields

    def _authenticate(self, content: dict[str, Any], fields: dict[str, str]) -> None:
        """RFC 6749 section 2.3.1: each half is form-encoded before it goes into Basic."""
        user = self._credentials.client_id
        secret = self._credentials.secret.reveal()
        if self._login.client_authentication == "basic":
            pair = f"{quote_plus(user)}:{quote_plus(secret)}".encode()
            fields["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        else:
            content |= {"client_id": user, "client_secret": secret.decode("utf-8", "replace")}

    def _read(self, answer: object, asked: float) -> Token:
        value = found_at(answer, self._login.token_at)
        usable = isinstance(value, str) and 0 < len(value) <= _MAX_TOKEN and value.isascii() and value.isprintable()
        if not isinstance(value, str) or not usable or " " in value:
            raise unusable(f"{self._called.where} was answered, but without a token at '{self._login.token_at}'")
        kind = text_of(found_at(answer, "/token_type"))
        if kind and kind.lower() not in ("bearer", "bearertoken"):
            raise unusable(f"{self._called.where} was answered with a token that is not of the type Bearer")
        return Token(Secret(value.encode()), asked, self._lasts(found_at(answer, self._login.lasts_at)))

    def _lasts(self, value: object) -> float:
        """KPN's gateway writes the number as text."""
        try:
            seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
        except (ValueError, OverflowError):
            seconds = 0.0
        return min(seconds, _LONGEST) if seconds > 0 else self._login.lasts_seconds

    def _none(self, error: EngageError) -> UpstreamAway:
        """Without a token nothing was sent: so a write certainly did not happen."""
        sentence = f"[sim.{self._credentials.account}] there is no token: {error.sentence}"
        return UpstreamAway(sentence, f"Nothing was sent. {error.next_step}", code="sim.no_token")

    def _refusal(self, answer: WholeAnswer) -> EngageError:
        if answer.status not in (400, 401, 403):
            found = error_of(answer, self._called, self.secrets())
            return found if found.code == "sim.quota" else self._none(found)
        said = words_of(answer.body, self.secrets())
        sentence = f"[sim.{self._credentials.account}] the operator refuses the login ({answer.status}).{said}"
        return Refused(sentence, "Check client_id, client_secret_file and scope.", code="sim.login")


def _written(content: dict[str, Any], login: Login) -> bytes:
    return urlencode(content).encode() if login.body_as == "form" else json.dumps(content).encode()
