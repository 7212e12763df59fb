"""One gunicorn instance: the plain HTTP listener, the TLS listener, or the operators'."""

import logging
import resource
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config

from engage_server.composition.device_side import DeviceSide, import_services
from engage_server.composition.disk_space import sweep_temporary_files
from engage_server.composition.folder_watch import assert_data_usable
from engage_server.composition.opening import ReleaseSealer
from engage_server.errors import EngageError
from engage_server.services.distribution.snapshot import ServedRelease
from engage_server.serving import assembly
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.listener import Listener
from engage_server.serving.worker.connections.tls_context import TlsContexts
from engage_server.serving.worker.log_lines import DeviceLogger
from engage_server.serving.worker.loop import DeviceWorker
from engage_server.settings import Settings

if TYPE_CHECKING:
    from engage_server.serving.worker.equipment import Equipment

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the workers' heartbeat files: a slow disk must not look like a hung worker
_BACKLOG = 4096  # connections that wait to be accepted: a site's devices come in one minute
_GRACE_SECONDS = 15
_KEEP_UP_SECONDS = 3.0
_KEEP_UP_LATER_SECONDS = (
    30.0  # after the store was away: to ask it may take seconds, in which no worker is looked after
)
_MAX_DESCRIPTORS = 1 << 20

_log = logging.getLogger("gunicorn.error")


class ListenerConfig(Config):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's configuration, of an instance that does TLS without certificate files.

    Args:
        listener: Which listener.
        log_lines: The form of the log.
    """

    def __init__(self, listener: Listener, log_lines: str) -> None:
        super().__init__(prog="engage")
        self.listener = listener
        self.log_lines = log_lines

    @property
    def is_ssl(self) -> bool:
        """Whether connections are wrapped in TLS. gunicorn asks for a certificate file's name; ours have none."""
        return self.listener is Listener.HTTPS


class FollowingArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's arbiter, which keeps up with the store now and then: the workers that it forks later inherit that."""

    def manage_workers(self) -> None:
        """Called about once a second."""
        self.app.keep_up()
        super().manage_workers()


class ListenerApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    """Runs one listener: loads the settings and the first snapshot, forks the workers, follows the store in each.

    Args:
        listener: Which listener.
        read_settings: Gives the settings; called again on SIGHUP.
        environment: For the key-encryption key, which the operators' instance alone reads, in its worker.
        release_sealer: Opens the releases' private keys: for the TLS instance.
        when_serving: Called in each worker that is about to serve.

    Raises:
        EngageError: The settings, the database or the current releases cannot be used.
    """

    def __init__(
        self,
        listener: Listener,
        read_settings: Callable[[], Settings],
        environment: Mapping[str, str],
        release_sealer: ReleaseSealer | None,
        when_serving: Callable[[], None] = lambda: None,
    ) -> None:
        self._keep_up_at = 0.0
        self._release_sealer = release_sealer
        self._listener = listener
        self._read_settings = read_settings
        self._environment = environment
        self._when_serving = when_serving
        raise_descriptor_limit()
        import_services(of_devices=listener is not Listener.OPERATORS)
        if listener is not Listener.HTTP:
            close_memory()  # the workers are forks of this process, and closed too
        settings = read_settings()
        if settings.data_dir.exists():  # else the database may say better what is wrong
            assert_data_usable(settings)
        self._become(settings)  # before anything is made: without an installation nothing is
        assembly.begin_metrics(settings, listener)
        if listener is not Listener.OPERATORS:
            sweep_temporary_files(settings)
        super().__init__(prog="engage")

    def run(self) -> None:
        """Serve until a signal ends it."""
        FollowingArbiter(self).run()

    def keep_up(self) -> None:
        """Follow the store, seldom, in the process that forks workers.

        A worker that has to be replaced while the database is away serves what was current shortly before, not what was
        so when the instance started.
        """
        now = time.monotonic()
        if now < self._keep_up_at:
            return
        self._keep_up_at = now + _KEEP_UP_SECONDS
        side = self._device_side
        try:
            if side.generation() != side.distribution.snapshot.generation:
                snapshot = side.take_snapshot(try_out=self._try_out())
                if self._listener is Listener.HTTPS:
                    self._tls.prepare(snapshot)
                side.distribution.publish(snapshot)
        except EngageError:  # the workers say what is wrong
            self._keep_up_at = now + _KEEP_UP_LATER_SECONDS
        finally:
            side.release_connections()  # none of them may live on in a fork

    def _become(self, settings: Settings) -> None:
        """Take over settings, and the store and TLS contexts that go with them; all of it or nothing."""
        device_side = DeviceSide(settings, self._release_sealer)
        tls = TlsContexts(device_side.distribution, settings.tls_profile)
        # workers inherit this snapshot by the fork: one that is replaced while the store is away serves all the same
        is_tls = self._listener is Listener.HTTPS
        snapshot = device_side.take_snapshot(try_out=tls.try_out if is_tls else None)
        if is_tls:
            tls.prepare(snapshot)
        device_side.distribution.publish(snapshot)
        device_side.release_connections()
        self._settings, self._device_side, self._tls = settings, device_side, tls
        self._keep_up_at = time.monotonic() + _KEEP_UP_SECONDS

    def _try_out(self) -> Callable[[ServedRelease], None] | None:
        return self._tls.try_out if self._listener is Listener.HTTPS else None

    def load_default_config(self) -> None:
        """Make gunicorn's defaults."""
        self.cfg = ListenerConfig(self._listener, self._settings.log_format)

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        address = self._listener.address(settings)
        host = f"[{address}]" if ":" in address else address
        return {
            "bind": f"{host}:{self._listener.port(settings)}",
            "workers": 1 if self._listener is Listener.OPERATORS else settings.workers,
            "worker_class": DeviceWorker,
            "logger_class": DeviceLogger,
            "backlog": _BACKLOG,
            "graceful_timeout": _GRACE_SECONDS,
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            "proc_name": f"engage-{self._listener}",
            # two servers of one user would share gunicorn's control socket, and nobody here needs it
            "control_socket_disable": True,
        }

    def equip(self, worker: DeviceWorker) -> "Equipment":
        """In each worker: build the app and all that the loop needs, and begin to follow the store.

        Raises:
            EngageError: A folder cannot be used, or a secret not opened.
        """
        equipment = assembly.equip(
            self._listener, self._settings, self._device_side, self._tls, self._environment, worker.log
        )
        self._when_serving()
        return equipment

    def reload(self) -> None:
        """On SIGHUP: read the settings again. What cannot be used is told, and the old goes on."""
        try:
            self._become(self._read_settings())
        except (EngageError, ssl.SSLError) as error:
            _log.error("settings not reloaded, the old ones stay: %s", error)
            return
        self.callable = None
        super().reload()


def raise_descriptor_limit() -> None:
    """As many open connections as the system allows: the soft limit is often 1,024 for the sake of select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MAX_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MAX_DESCRIPTORS
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
