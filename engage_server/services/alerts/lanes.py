"""Sends to several recipients at the same time, so that one that stalls does not hold up the others."""

import threading
from collections.abc import Callable, Sequence

from engage_server.errors import EngageError
from engage_server.services.alerts.wording import harmless

MOST_AT_ONCE = 8


class Lanes:
    """A lane for each recipient that has something to get: a thread that ends when all of it was tried.

    Args:
        send: Sends what is due for one recipient.
        log: Called with a sentence if that was not possible. No secret is in it.
        most: How many lanes there are at most. If so many receivers stall, the others wait.
    """

    def __init__(self, send: Callable[[str], object], log: Callable[[str], None], most: int = MOST_AT_ONCE) -> None:
        self._send = send
        self._log = log
        self._most = most
        self._busy: set[str] = set()
        self._free = threading.Condition()

    def start(self, recipients: Sequence[str]) -> None:
        """Open a lane for each of these that has none, in this order, while lanes are free. Wait for none of them."""
        for recipient in recipients:
            with self._free:
                if recipient in self._busy or len(self._busy) >= self._most:
                    continue
                self._busy.add(recipient)
            threading.Thread(target=self._run, args=(recipient,), name="alert-lane", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait until no lane is busy. False if one still is."""
        with self._free:
            return self._free.wait_for(lambda: not self._busy, seconds)

    def _run(self, recipient: str) -> None:
        try:
            self._send(recipient)
        except EngageError as error:
            self._log(f"alerts to {harmless(recipient)} were not sent: {error.sentence}")
        except Exception as error:  # the next round tries again
            self._log(f"alerts to {harmless(recipient)} were not sent: {type(error).__name__}")
        finally:
            with self._free:
                self._busy.discard(recipient)
                self._free.notify_all()
