"""One gunicorn instance of the ingress: one address and port. It opens no database, and no key but the links' own."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from engage_server.errors import EngageError, SettingsInvalid
from engage_server.links.ingress import assembly
from engage_server.links.ingress.contexts import HostContexts
from engage_server.links.ingress.ends import End, ends_of
from engage_server.links.ingress.journals import report_links
from engage_server.links.ingress.reading import make_folders, read_links
from engage_server.links.registry.links_file import LinksFile
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.gunicorn_options import InstanceConfig, options
from engage_server.serving.process_start import begin_metrics, raise_descriptor_limit
from engage_server.serving.worker.loop import DeviceWorker
from engage_server.settings import Settings

if TYPE_CHECKING:
    from engage_server.serving.worker.equipment import Equipment

_log = logging.getLogger("gunicorn.error")


class IngressApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    """Serves one end of ``links.toml``.

    Args:
        read_settings: Returns the settings. It is called again on SIGHUP.
        bind, port: The end.
        when_serving: Called in each worker just before it serves.

    Raises:
        EngageError: The settings, ``links.toml`` or a file that it names cannot be used.
    """

    def __init__(
        self,
        read_settings: Callable[[], Settings],
        bind: str,
        port: int,
        when_serving: Callable[[], None] = lambda: None,
    ) -> None:
        self._read_settings = read_settings
        self._place = bind, port
        self._when_serving = when_serving
        raise_descriptor_limit()
        close_memory()  # the workers are forks of this process, so their memory is closed too
        settings = read_settings()
        self._become(settings)
        make_folders(settings)
        self._report()
        self._places = {(end.bind, end.port) for end in ends_of(self._links.file)}
        begin_metrics(settings, self._end.name)
        super().__init__(prog="engage")

    def run(self) -> None:
        """Serve until a signal ends it."""
        Arbiter(self).run()

    def load_default_config(self) -> None:
        """Create gunicorn's defaults."""
        self.cfg = InstanceConfig(self._settings.log_format, secure=bool(self._end.hosts))

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in options(*self._place, self._settings.workers, assembly.LISTENER).items():
            self.cfg.set(name, value)

    def equip(self, worker: DeviceWorker) -> "Equipment":
        """Build all that the loop needs. Called in each worker.

        Raises:
            EngageError: A file cannot be used.
        """
        equipment = assembly.equip(self._end, self._links, self._settings, self._contexts, worker.log)
        self._when_serving()
        return equipment

    def reload(self) -> None:
        """Read everything again, on SIGHUP: settings, links, certificates, secrets. All of it counts, or nothing."""
        try:
            self._become(self._read_settings())
        except EngageError as error:
            _log.error("links not reloaded, the old ones stay in force: %s", error)
            return
        if {(end.bind, end.port) for end in ends_of(self._links.file)} != self._places:
            _log.warning("links.toml names other addresses or ports than at the start: restart 'engage serve links'")
        self._report()
        self.callable = None
        super().reload()

    def _report(self) -> None:
        """Report which links there are. This process keeps nothing open for it: workers are its forks."""
        links = self._links
        report_links(links.file, self._settings, links.key, links.database, _log)
        if links.database is not None:
            links.database.close()

    def _become(self, settings: Settings) -> None:
        links = read_links(settings)
        end = _end_at(links.file, self._place)
        contexts = HostContexts(end.hosts) if end.hosts else None
        self._settings, self._links, self._end, self._contexts = settings, links, end, contexts


def _end_at(file: LinksFile, place: tuple[str, int]) -> End:
    for end in ends_of(file):
        if (end.bind, end.port) == place:
            return end
    raise SettingsInvalid(
        f"{file.where.file}: no host and no plain listener has {place[0]} port {place[1]} any more",
        "Restart 'engage serve links'.",
    )
