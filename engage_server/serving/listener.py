"""One gunicorn instance: the plain HTTP listener or the TLS listener, both of the same Flask app."""

import logging
import ssl
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config

from engage_server.composition import DeviceSide, Snapshot
from engage_server.errors import EngageError
from engage_server.serving.follower import SnapshotFollower
from engage_server.serving.tls_context import TlsContexts
from engage_server.serving.worker import DeviceLogger, DeviceWorker, speak_1_1
from engage_server.settings import Settings
from engage_server.web.app import create_app

# the path without its query, which may hold what nobody should keep
_ACCESS_LOG_FORMAT = '%(t)s %(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(D)s us'
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the workers' heartbeat files: a slow disk must not look like a hung worker

_log = logging.getLogger("gunicorn.error")


class Listener(StrEnum):
    """Which of the two device listeners."""

    HTTP = "http"
    HTTPS = "https"

    def port(self, settings: Settings) -> int:
        """The port that it listens on."""
        return settings.http_port if self is Listener.HTTP else settings.https_port


class ListenerConfig(Config):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's configuration, of an instance that does TLS without certificate files.

    Args:
        listener: Which listener.
        device_seconds: How long a silent device may hold a thread.
    """

    def __init__(self, listener: Listener, device_seconds: float) -> None:
        super().__init__(prog="engage")
        self.listener = listener
        self.device_seconds = device_seconds

    @property
    def is_ssl(self) -> bool:
        """Whether connections are wrapped in TLS. gunicorn asks for a certificate file's name; ours have none."""
        return self.listener is Listener.HTTPS


class ListenerApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    """Runs one listener: loads the settings and the first snapshot, forks the workers, follows the store in each.

    Args:
        listener: Which listener.
        read_settings: Gives the settings; called again on SIGHUP.
        environment: For the key-encryption key.
        when_serving: Called in each worker that is about to serve.

    Raises:
        EngageError: The settings, the database or the current releases can not be used.
    """

    def __init__(
        self,
        listener: Listener,
        read_settings: Callable[[], Settings],
        environment: Mapping[str, str],
        when_serving: Callable[[], None] = lambda: None,
    ) -> None:
        self._listener = listener
        self._read_settings = read_settings
        self._environment = environment
        self._when_serving = when_serving
        self._become(read_settings())
        super().__init__(prog="engage")

    def _become(self, settings: Settings) -> None:
        """Take over settings, and the store and TLS contexts that go with them; all of it or nothing."""
        device_side = DeviceSide(settings, self._environment, with_tls=self._listener is Listener.HTTPS)
        tls = TlsContexts(device_side.distribution, settings.tls_profile, settings.device_seconds)
        # workers inherit this snapshot by the fork: one that is replaced while the store is away serves all the same
        snapshot = device_side.take_snapshot()
        self._prepare(tls, snapshot)
        device_side.distribution.publish(snapshot)
        device_side.release_connections()
        self._settings, self._device_side, self._tls = settings, device_side, tls

    def _prepare(self, tls: TlsContexts, snapshot: Snapshot) -> None:
        if self._listener is Listener.HTTPS:
            tls.prepare(snapshot)

    def load_default_config(self) -> None:
        """Make gunicorn's defaults."""
        self.cfg = ListenerConfig(self._listener, self._settings.device_seconds)

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
        return {
            "bind": f"{host}:{self._listener.port(settings)}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": DeviceWorker,
            "logger_class": DeviceLogger,
            "keepalive": settings.keepalive_seconds,
            "accesslog": "-" if settings.access_log else None,
            "access_log_format": _ACCESS_LOG_FORMAT,
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            "proc_name": f"engage-{self._listener}",
            # two servers of one user would share gunicorn's control socket, and nobody here needs it
            "control_socket_disable": True,
            # web/caller.py decides whom to believe, for both listeners alike
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "ssl_context": lambda _config, _default: self._tls.current(),
            "post_worker_init": self._follow,
            "pre_request": speak_1_1,
        }

    def load(self) -> Flask:
        """Build the app, in each worker."""
        return create_app(self._device_side.distribution, self._settings.trusted_proxies)

    def reload(self) -> None:
        """On SIGHUP: read the settings again. What can not be used is told, and the old goes on."""
        try:
            self._become(self._read_settings())
        except (EngageError, ssl.SSLError) as error:
            _log.error("settings not reloaded, the old ones stay: %s", error)
            return
        self.callable = None
        super().reload()

    def _follow(self, _worker: DeviceWorker) -> None:
        follower = SnapshotFollower(
            self._device_side,
            lambda snapshot: self._prepare(self._tls, snapshot),
            self._settings.poll_seconds,
            _log,
        )
        follower.start()
        self._when_serving()
