"""Makes the calls of an account. Reads are repeated and follow redirects. A write goes out once, whatever happens."""

import dataclasses
from collections.abc import Callable
from typing import Final

from engage_server.errors import EngageError, NotPossible, Refused, UpstreamSilent, UsageError
from engage_server.links.sim.client.clocks import Clocks
from engage_server.links.sim.client.origin import Origin
from engage_server.links.sim.client.return_codes import AWAY, REDIRECTS, Called, error_of, is_success
from engage_server.links.sim.client.tokens import Token, TokenSource
from engage_server.links.sim.contract.answers import parsed, text_of
from engage_server.links.sim.contract.operator_map import Accepted
from engage_server.links.sim.contract.pointers import found_at
from engage_server.links.sim.contract.requests import Request
from engage_server.services.calling_out.host import OutsideHost, WholeAnswer

_MOST_HOPS: Final = 5
_SLOWEST_SECONDS: Final = 10.0
_FIX: Final = "Check base_url, and the network in between."


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A write that was answered with success.

    Attributes:
        answer: The last answer.
        is_done: Whether the work is known to be done.
        is_direct: Whether the answer is that of the write itself, and not of the address where work is waited for.
    """

    answer: WholeAnswer
    is_done: bool
    is_direct: bool


class Calls:
    """The calls of one account. Safe for many threads.

    Args:
        host: The host of the API.
        origin: Where it stands.
        tokens: The account's token.
        accepted: How accepted work says that it is done.
        wait_seconds: How long accepted work is waited for.
        clocks: The clock and the pauses.
    """

    def __init__(
        self,
        host: OutsideHost,
        origin: Origin,
        tokens: TokenSource,
        accepted: Accepted,
        wait_seconds: float,
        clocks: Clocks,
    ) -> None:
        self._host, self._origin, self._tokens = host, origin, tokens
        self._accepted, self._wait_seconds, self._clocks = accepted, wait_seconds, clocks

    def read(self, request: Request, called: Called) -> tuple[WholeAnswer, str]:
        """Call what changes nothing.

        Returns:
            The answer, and the target that gave it: that of the last redirect.

        Raises:
            UpstreamSilent: There is no whole answer.
            EngageError: It is no success: see :mod:`.return_codes`.
        """
        return self._follow(request, self._origin.prefix + request.target, called)

    def read_address(self, address: str, current: str, called: Called) -> tuple[WholeAnswer, str]:
        """Read what an answer gave the address of.

        Args:
            address: Absolute, or relative to the current target.
            current: The target that gave it.
            called: For errors.

        Raises:
            EngageError: As :meth:`read`. Another origin is ``sim.redirected``.
        """
        target = self._origin.target(address, current)
        if target is None:
            raise _elsewhere(called)
        return self._follow(Request("GET", ""), target, called)

    def write(self, request: Request, called: Called, before_sending: Callable[[], None] = lambda: None) -> Written:
        """Call what changes something, once. What was accepted is waited for.

        Args:
            request: The call.
            called: For errors.
            before_sending: Called when there is a token, just before it is sent.

        Raises:
            UpstreamSilent: There is no whole answer. It may have happened.
            EngageError: It is no success.
        """
        token = self._tokens.token()
        target = self._origin.prefix + request.target
        before_sending()
        answer = self._once(request, target, token, called)
        if answer.status == 202:
            return self._waited(answer, target, called)
        if answer.status == 401:
            self._tokens.forget(token)
        if not is_success(answer.status):
            raise error_of(answer, called, self._tokens.secrets())
        return Written(answer, is_done=True, is_direct=True)

    def _follow(self, request: Request, target: str, called: Called) -> tuple[WholeAnswer, str]:
        for _ in range(_MOST_HOPS):
            answer = self._repeated(request, target, called)
            if is_success(answer.status):
                return answer, target
            if answer.status not in REDIRECTS or request.method != "GET":
                raise error_of(answer, called, self._tokens.secrets())
            found = self._origin.target(answer.fields.get("Location", ""), target)
            if found is None:
                raise error_of(answer, called, self._tokens.secrets())
            target = found
        raise NotPossible(
            f"{called.where}: the operator redirects in a circle", "Ask the operator.", code="sim.redirected"
        )

    def _repeated(self, request: Request, target: str, called: Called) -> WholeAnswer:
        token, attempt, has_renewed = self._tokens.token(), 1, False
        while True:
            answer = self._once(request, target, token, called)
            if answer.status == 401 and not has_renewed:
                token, has_renewed = self._tokens.renewed(token), True
            elif answer.status in AWAY and self._clocks.pause(attempt, answer.retry_seconds):
                attempt += 1
            else:
                return answer

    def _once(self, request: Request, target: str, token: Token, called: Called) -> WholeAnswer:
        fields = {**request.fields, "Authorization": "Bearer " + token.value.reveal().decode("ascii")}
        try:
            return self._host.call(request.method, target, request.body, fields, _FIX)
        except UpstreamSilent as error:
            raise called.silent(error) from None

    def _waited(self, answer: WholeAnswer, target: str, called: Called) -> Written:
        """Look at the address that a 202 named, until it says that the work is done."""
        location = self._origin.target(answer.fields.get("Location", ""), target)
        if location is None:
            return Written(answer, is_done=False, is_direct=False)
        looking = dataclasses.replace(called, is_write=False, shown=f"what became of {called.shown}")
        end, pause = self._clocks.now() + self._wait_seconds, 1.0
        while True:
            wait = min(max(pause, float(answer.retry_seconds or 0)), _SLOWEST_SECONDS)
            if self._clocks.now() + wait > end:
                raise NotPossible(
                    f"{called.where}: accepted, but not done after {self._wait_seconds:g} s",
                    called.look(),
                    code="sim.pending",
                )
            self._clocks.sleep(wait)
            pause *= 2
            try:
                answer = self._status(location, looking)
                is_done = self._is_done(answer, called)
            except (NotPossible, UsageError) as error:
                raise _not_known(called, error) from None
            if is_done:
                return Written(answer, is_done=True, is_direct=False)

    def _status(self, target: str, called: Called) -> WholeAnswer:
        """The answer of an address where work is waited for. 202 and a redirect to the result are usual there."""
        answer = self._repeated(Request("GET", ""), target, called)
        if answer.status in REDIRECTS:
            return self.read_address(answer.fields.get("Location", ""), target, called)[0]
        if answer.status != 202 and not is_success(answer.status):
            raise error_of(answer, called, self._tokens.secrets())
        return answer

    def _is_done(self, answer: WholeAnswer, called: Called) -> bool:
        if answer.status == 202:
            return False
        if not self._accepted.status_at:
            return True
        word = text_of(found_at(parsed(answer.body, called.where), self._accepted.status_at))
        if word in self._accepted.failed:
            raise Refused(
                f"{called.where}: the operator accepted it, and then says '{word}'",
                "Ask the operator why.",
                code="sim.failed",
            )
        return not word or word in self._accepted.done


def _not_known(called: Called, error: EngageError) -> NotPossible:
    """Nobody must repeat what was accepted because it could not be looked at."""
    return NotPossible(
        f"{called.where}: accepted, and what became of it could not be read. {error.sentence}",
        called.look(),
        code="sim.pending",
    )


def _elsewhere(called: Called) -> NotPossible:
    return NotPossible(
        f"{called.where}: an answer leads to another host",
        "The token goes nowhere else. Ask the operator.",
        code="sim.redirected",
    )
