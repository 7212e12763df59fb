"""What each return code of the document means, and what to do about it."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from engage_server.errors import (
    Conflict,
    EngageError,
    NotFound,
    NotPossible,
    Refused,
    UpstreamAway,
    UpstreamSilent,
    UsageError,
)
from engage_server.links.sim.client.problems import words_of
from engage_server.links.sim.contract.answers import text_of
from engage_server.records import Secret
from engage_server.services.calling_out.host import WholeAnswer

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
AWAY: Final = frozenset((502, 503, 504))
_QUOTA_FIELDS: Final = (
    *("quota-limit", "quota-used", "quota-reset", "quota-reset-UTC"),  # the document
    *("X-RateLimit-Limit", "X-RateLimit-Used", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit"),  # drafts of the IETF
)
_FIRST_EPOCH: Final = 1_000_000_000  # a larger number of seconds is a time, and no pause
_LAST_EPOCH: Final = 253_402_300_799
_MAY: Final = "It may have happened. Look before you repeat it: {look}"


@dataclass(frozen=True, slots=True)
class Called:
    """What was called, for errors.

    Attributes:
        account: The account's name.
        shown: Method and path of the contract: never with values.
        is_write: Whether it changes something.
        thing: The SIM that it is about; "" for none.
        secrets: Values of the call that no error may repeat.
    """

    account: str
    shown: str
    is_write: bool
    thing: str = ""
    secrets: tuple[Secret, ...] = ()

    @property
    def where(self) -> str:
        """The account and the call."""
        about = f" for SIM {self.thing}" if self.thing else ""
        return f"[sim.{self.account}] {self.shown}{about}"

    def look(self) -> str:
        """What shows whether a write happened."""
        shown = f"engage sim show {shlex.quote(self.thing)}" if self.thing else "engage sim list"
        return _MAY.format(look=shown)

    def nothing(self, fix: str) -> str:
        """What to do after a refusal. After a write, it first says that nothing changed."""
        return f"Nothing was done. {fix}" if self.is_write else fix

    def silent(self, error: UpstreamSilent) -> UpstreamSilent:
        """Return the error of a call without an answer. A write may have happened."""
        fix = self.look() if self.is_write else error.next_step
        return UpstreamSilent(f"{self.where}: {error.sentence}", fix, code=error.code)


def is_success(status: int) -> bool:
    """Whether the work is done: 202 is not."""
    return 200 <= status < 300 and status != 202


def error_of(answer: WholeAnswer, called: Called, secrets: Iterable[Secret]) -> EngageError:
    """Return the error for an answer without success. Each code begins with ``sim.``."""
    status = answer.status
    said = words_of(answer.body, (*secrets, *called.secrets))
    sentence = f"{called.where}: the operator answered {status}{_NAMES.get(status, '')}.{said}"
    if status == 429:
        quota = _quota(answer.fields)
        fix = called.nothing(_wait(answer))
        return UpstreamAway(sentence + quota, fix, code="sim.quota", retry_seconds=answer.retry_seconds)
    if status in REDIRECTS:
        fix = (
            called.look()
            if called.is_write
            else "It leads elsewhere, and the token goes nowhere else. Ask the operator."
        )
        return NotPossible(sentence, fix, code="sim.redirected")
    if status >= 500:
        fix = called.look() if called.is_write else _AWAY_FIX.get(status, _BROKEN)
        code = "sim.away" if status in AWAY else "sim.broken"
        return UpstreamAway(sentence, fix, code=code, retry_seconds=answer.retry_seconds)
    kind, code, fix = _ERRORS.get(status, (NotPossible, "sim.unknown_answer", "Ask the operator what it means."))
    return kind(sentence, called.nothing(fix), code=code)


_NAMES: Final = {
    202: " (accepted, and not done yet)",
    302: " (found elsewhere)",
    400: " (bad request)",
    401: " (unauthorized)",
    403: " (forbidden)",
    404: " (not found)",
    405: " (method not allowed)",
    409: " (conflict)",
    412: " (precondition failed)",
    422: " (cannot be processed)",
    429: " (too many requests)",
    500: " (internal error)",
    502: " (bad gateway)",
    503: " (service unavailable)",
    504: " (gateway timeout)",
}
_BAD: Final = (UsageError, "sim.bad_request", "Correct the value, or the map, as the operator says.")
_BROKEN: Final = "Try again later. A gateway may also answer so to a wrong secret: check client_secret_file."
_AWAY_FIX: Final = dict.fromkeys(AWAY, "It was tried several times. Try again later.")
_ERRORS: Final[Mapping[int, tuple[type[EngageError], str, str]]] = {
    202: (NotPossible, "sim.pending", "Try again in a minute."),
    400: _BAD,
    401: (
        Refused,
        "sim.unauthorized",
        "Check client_id, client_secret_file and scope of the account.",
    ),
    403: (Refused, "sim.forbidden", "Ask the operator for the permission, or use another account."),
    404: (NotFound, "sim.not_found", "Check the name: engage sim list"),
    405: (
        NotPossible,
        "sim.not_allowed",
        "The contract is not that of this address: check base_url.",
    ),
    409: (Conflict, "sim.conflict", "Look at its state first: engage sim list"),
    412: (Conflict, "sim.changed", "Somebody changed it meanwhile. Look at it, then try again."),
    422: _BAD,
}


def _quota(fields: Mapping[str, str]) -> str:
    found = [
        f"{name} {_reset(name, text_of(fields[name])[:60])}" for name in _QUOTA_FIELDS if text_of(fields.get(name))
    ]
    return f" The quota: {', '.join(found)}." if found else ""


def _reset(name: str, text: str) -> str:
    """When a quota is renewed: a time, if the operator gives seconds since 1970."""
    if "reset" not in name.lower() or not (text.isascii() and text.isdigit() and len(text) < 16):
        return text
    seconds = int(text)
    if seconds > _LAST_EPOCH:
        seconds //= 1000  # some count milliseconds
    if not _FIRST_EPOCH <= seconds <= _LAST_EPOCH:
        return f"{text} s" if seconds < _FIRST_EPOCH and "RateLimit" in name else text
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _wait(answer: WholeAnswer) -> str:
    seconds = answer.retry_seconds
    when = "Wait until the quota is renewed" if seconds is None else f"Wait {seconds} s"
    return f"{when}, then go on."
