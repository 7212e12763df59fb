"""How often signing in may be tried: a growing delay by name and by address.

Guessing must be slow, and no stranger may lock a person out. So:

1. An address that failed some times must wait, longer each time, for up to a quarter of an hour.
2. A name that failed often, from anywhere, must wait too, but never longer than half a minute.
3. From an address where the name has signed in lately, failures elsewhere do not count.

Nobody waits in a thread: an attempt that comes too early is refused, and is not counted. Names and addresses are stored
as digests.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.errors import TooEarly
from engage_server.store.interface import AttemptStore

_FREE_BY_ADDRESS, _LONGEST_BY_ADDRESS = 5, timedelta(minutes=15)
_FREE_BY_NAME, _LONGEST_BY_NAME = 10, timedelta(seconds=30)
_FORGOTTEN_AFTER = timedelta(hours=24)
_KNOWN_FOR = timedelta(days=90)


class Attempts:
    """Counts failed attempts.

    Args:
        store: The store.
    """

    def __init__(self, store: AttemptStore) -> None:
        self._store = store

    def begin(self, name: str, address: str, now: datetime) -> None:
        """Count an attempt as failed, before it is known whether it does. :meth:`succeeded` takes that back.

        Counted first, many attempts at once cannot all slip through.

        Args:
            name: What somebody typed.
            address: Where they are.
            now: The time; aware.

        Raises:
            TooEarly: The delay is not over. The code is ``sign_in.wait``.
        """
        limits = [_Limit(_digest("address", address), _FREE_BY_ADDRESS, _LONGEST_BY_ADDRESS)]
        if not self._is_known(name, address, now):
            limits.append(_Limit(_digest("name", name), _FREE_BY_NAME, _LONGEST_BY_NAME))
        counts = [self._count(limit, now) for limit in limits]
        for limit, count in zip(limits, counts, strict=True):
            if self._store.note_failure(limit.digest, now, now - _FORGOTTEN_AFTER) != count + 1:
                raise _too_early(1)  # another attempt at the same moment was faster

    def succeeded(self, name: str, address: str, now: datetime) -> None:
        """Forget the failures, and remember that this name signs in from this address."""
        for digest in (_digest("address", address), _digest("name", name)):
            self._store.forget_failures(digest)
        known = _digest("known", f"{address} {name}")
        self._store.forget_failures(known)
        self._store.note_failure(known, now, now)

    def is_first(self, text: str, now: datetime) -> bool:
        """Whether something that may happen once happens for the first time, on all hosts.

        Args:
            text: What. It is remembered for 90 days, as a digest.
            now: The time; aware.
        """
        return self._store.note_failure(_digest("once", text), now, now - _KNOWN_FOR) == 1

    def forget_old(self, now: datetime) -> None:
        """Forget what is too old to matter."""
        self._store.forget_old_failures(now - _KNOWN_FOR)

    def _count(self, limit: "_Limit", now: datetime) -> int:
        """Return how often it failed.

        Raises:
            TooEarly: The delay is not over.
        """
        count, last_at = self._store.failures(limit.digest) or (0, now)
        if now - last_at > _FORGOTTEN_AFTER:
            return 0
        until = last_at + delay(count, limit.free, limit.longest)
        if now < until:
            raise _too_early(max(1, round((until - now).total_seconds())))
        return count

    def _is_known(self, name: str, address: str, now: datetime) -> bool:
        found = self._store.failures(_digest("known", f"{address} {name}"))
        return found is not None and now - found[1] <= _KNOWN_FOR


@dataclass(frozen=True, slots=True)
class _Limit:
    digest: str
    free: int
    longest: timedelta


def _too_early(seconds: int) -> TooEarly:
    wait = f"Wait {seconds} s, and try again."
    return TooEarly("too many attempts to sign in failed", wait, retry_seconds=seconds)


def delay(failures: int, free: int, longest: timedelta) -> timedelta:
    """How long to wait after so many failures: nothing at first, then one second, then twice as long each time."""
    if failures < free:
        return timedelta()
    return min(longest, timedelta(seconds=1 << min(failures - free, 20)))


def _digest(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind} {text}".encode("utf-8", "surrogatepass")).hexdigest()
