"""All accounts that a process polls: read at the start and at SIGHUP, each in its own thread."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from engage_server.errors import EngageError
from engage_server.links.ingress.journals import open_desk, report_links
from engage_server.links.ingress.reading import ReadLinks, make_folders, read_links
from engage_server.links.sim.polling.database_turns import DatabaseTurns
from engage_server.links.sim.polling.host_turns import HostTurns
from engage_server.links.sim.polling.poller import AccountPoller, Polled
from engage_server.links.sim.polling.reading import read_polled
from engage_server.links.sim.polling.turns import Turns
from engage_server.settings import Settings

_log = logging.getLogger(__name__)


class Polls:
    """Polls until :meth:`stop`.

    Another data folder or database needs a new process. All else is read again by :meth:`reload`.

    Args:
        read_settings: Returns the settings. It is called again for each :meth:`reload`.

    Raises:
        EngageError: The settings, ``links.toml`` or a file that it names cannot be used.
    """

    def __init__(self, read_settings: Callable[[], Settings]) -> None:
        self._read_settings = read_settings
        self._settings = read_settings()
        links = read_links(self._settings)
        self._polled: Sequence[Polled] = read_polled(links.file)
        make_folders(self._settings)
        self._report(links)
        self._desk = open_desk(self._settings, links.key, links.database, _log)
        self._turns: Turns = (
            HostTurns(self._settings.links_dir, self._desk.journal)
            if links.database is None
            else DatabaseTurns(links.database)
        )
        self._pollers: list[AccountPoller] = []

    def start(self) -> None:
        """Begin. It returns at once."""
        self._pollers = [AccountPoller(each, self._turns, lambda: datetime.now(UTC)) for each in self._polled]
        for poller in self._pollers:
            poller.start()

    def reload(self) -> None:
        """Read everything again. If something in it is wrong, the old accounts and links stay in force."""
        try:
            links = read_links(self._read_settings())
            self._polled = read_polled(links.file)
        except EngageError as error:
            _log.error("links not reloaded, the old ones stay in force: %s", error)
            return
        self._report(links)
        self._stop_pollers()
        self.start()
        _log.info("links reloaded: %d accounts are polled", len(self._polled))

    def stop(self) -> None:
        """End. A round that is not finished counts for nothing. Nobody waits for an operator's answer."""
        self._stop_pollers()
        with suppress(OSError):
            self._desk.close()

    def _stop_pollers(self) -> None:
        for poller in self._pollers:
            poller.stop()

    def _report(self, links: ReadLinks) -> None:
        report_links(links.file, self._settings, links.key, links.database, _log)
