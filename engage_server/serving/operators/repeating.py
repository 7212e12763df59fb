"""What the operators' instance does over and over, beside serving."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from engage_server.errors import EngageError


@dataclass(frozen=True, slots=True)
class Sentences:
    """How the log speaks of a task.

    Attributes:
        trouble: What does not happen while there is trouble; its reason follows.
        over: That it happens again.
        defect: That it failed for no reason that is known; a traceback follows.
    """

    trouble: str
    over: str
    defect: str


class Repeating:
    """Runs a task in a thread of its own, again and again, until the process ends. Nothing that it raises ends it.

    Trouble that lasts is logged once, and its end once; a defect is logged with its traceback each time.

    Args:
        name: The thread's.
        seconds: From the end of one turn to the beginning of the next.
        task: One turn. Raises EngageError for trouble that may pass by itself.
        log: Where to.
        sentences: How to speak of it.
    """

    def __init__(
        self, name: str, seconds: float, task: Callable[[], None], log: logging.Logger, sentences: Sentences
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._task = task
        self._log = log
        self._sentences = sentences
        self._in_trouble = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def once(self) -> None:
        """One turn. Raises nothing."""
        try:
            self._task()
        except EngageError as error:
            if not self._in_trouble:
                self._log.error("%s: %s", self._sentences.trouble, error)
            self._in_trouble = True
        except Exception:  # a defect must not end it
            self._log.exception(self._sentences.defect)
        else:
            if self._in_trouble:
                self._log.info(self._sentences.over)
            self._in_trouble = False

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self.once()
            pause.wait(self._seconds)
