"""Tasks that the operators' instance repeats while it serves."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from engage_server.errors import EngageError


@dataclass(frozen=True, slots=True)
class Sentences:
    """The log's sentences about one task.

    Attributes:
        trouble: What does not happen during trouble. The reason follows it.
        over: That it happens again.
        defect: That it failed for an unknown reason. A traceback follows it.
    """

    trouble: str
    over: str
    defect: str


class Repeating:
    """Repeats a task in its own thread until the process ends. No exception ends it.

    Trouble that lasts is logged once, and its end once. A defect is logged with its traceback each time.

    Args:
        name: The thread's name.
        seconds: The pause from the end of one run to the beginning of the next.
        task: Called for each run. Raises EngageError for trouble that may pass by itself.
        log: Where trouble is logged.
        sentences: The sentences for the log.
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

    def start(self, after: threading.Event | None = None) -> None:
        """Begin.

        Args:
            after: The first run waits for it. None: it begins at once.
        """
        threading.Thread(target=self._run, args=(after,), name=self._name, daemon=True).start()

    def once(self) -> None:
        """Run the task once. Raises nothing."""
        try:
            self._task()
        except EngageError as error:
            if not self._in_trouble:
                self._log.error("%s: %s", self._sentences.trouble, error)
            self._in_trouble = True
        except Exception:  # a defect must not end the thread
            self._log.exception(self._sentences.defect)
        else:
            if self._in_trouble:
                self._log.info(self._sentences.over)
            self._in_trouble = False

    def _run(self, after: threading.Event | None) -> None:
        if after is not None:
            after.wait()
        pause = threading.Event()
        while True:
            self.once()
            pause.wait(self._seconds)
