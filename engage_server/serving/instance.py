"""One gunicorn instance: the plain HTTP listener, the TLS listener, or the operators'."""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.disk_space import sweep_temporary_files
from engage_server.composition.folder_watch import assert_data_usable
from engage_server.composition.openid.terms_file import read_openid_terms
from engage_server.composition.opening import ReleaseSealer
from engage_server.composition.operators_listener import assert_protected, has_tls_of_site
from engage_server.composition.starting.early_imports import import_services
from engage_server.composition.starting.served_copy import ServedCopy
from engage_server.errors import EngageError, SettingsInvalid, StoreNotUsable
from engage_server.records import SwitchTerms
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import ServedRelease
from engage_server.serving import assembly
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.gunicorn_options import InstanceConfig, options
from engage_server.serving.listener import Listener
from engage_server.serving.operators.tls import contexts_for_operators
from engage_server.serving.process_start import begin_metrics, raise_descriptor_limit
from engage_server.serving.settled import settled_snapshot, snapshot_to_begin_with
from engage_server.serving.worker.connections.tls_context import ContextSource, TlsContexts
from engage_server.serving.worker.loop import DeviceWorker
from engage_server.settings import Settings

if TYPE_CHECKING:
    from engage_server.serving.worker.equipment import Equipment

_KEEP_UP_SECONDS = 3.0
# After the store was down. Asking it may take seconds, and meanwhile no worker is supervised.
_KEEP_UP_LATER_SECONDS = 30.0

_log = logging.getLogger("gunicorn.error")


class FollowingArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's arbiter that also follows the store, so that workers forked later inherit a recent snapshot."""

    def manage_workers(self) -> None:
        """Do gunicorn's own work. It calls this about once a second."""
        self.app.keep_up()
        super().manage_workers()


class ListenerApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    """Runs one listener: loads the settings and the first snapshot, forks the workers, follows the store in each.

    Args:
        listener: Which listener.
        read_settings: Returns the settings. It is called again on SIGHUP.
        environment: For the key-encryption key. Only the operators' instance reads it, in its worker.
        release_sealer: Opens the releases' private keys, for an instance that serves their certificates.
        when_serving: Called in each worker just before it serves.
        away: The database is known not to answer now: begin with this host's copy.

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
        away: StoreNotUsable | None = None,
    ) -> None:
        self._keep_up_at = 0.0
        self._installation: bytes | None = None
        self._release_sealer = release_sealer
        self._listener = listener
        self._read_settings = read_settings
        self._environment = environment
        self._when_serving = when_serving
        raise_descriptor_limit()
        import_services(of_devices=listener is not Listener.OPERATORS)
        if listener is not Listener.HTTP:
            close_memory()  # the workers are forks of this process, so their memory is closed too
        settings = read_settings()
        if settings.data_dir.exists():  # if not, the database may have a better explanation
            assert_data_usable(settings)
        self._become(settings, away)  # first of all: without an installation, no folder is made
        begin_metrics(settings, listener)
        if listener is not Listener.OPERATORS:
            sweep_temporary_files(settings)
        super().__init__(prog="engage")

    @property
    def copy(self) -> ServedCopy | None:
        """What it begins with, because the database did not answer. None: the database answered."""
        return self._device_side.copy

    def run(self) -> None:
        """Serve until a signal ends it."""
        FollowingArbiter(self).run()

    def keep_up(self) -> None:
        """Follow the store, at long intervals, in the process that forks workers.

        A worker may have to be replaced while the database is down. It then serves what was current shortly before, not
        what was current when the instance started.
        """
        now = time.monotonic()
        if now < self._keep_up_at:
            return
        self._keep_up_at = now + _KEEP_UP_SECONDS
        side = self._device_side
        try:
            if side.generation() != side.distribution.snapshot.generation:
                # a worker that is replaced now must not be ahead of the others
                snapshot = settled_snapshot(side, _try_out(self._tls), _terms(self._settings), seconds=0)
                if snapshot is not None:
                    if isinstance(self._tls, TlsContexts):
                        self._tls.prepare(snapshot)
                    side.distribution.publish(snapshot)
        except EngageError:  # the workers report what is wrong
            self._keep_up_at = now + _KEEP_UP_LATER_SECONDS
        finally:
            side.release_connections()  # no connection may survive into a fork

    def _become(self, settings: Settings, away: StoreNotUsable | None = None) -> None:
        """Apply settings, and the store and TLS contexts that belong to them: all of it or nothing."""
        if self._listener is Listener.OPERATORS:
            read_openid_terms(settings)
        device_side = DeviceSide(settings, self._release_sealer, self._installation, away)
        tls = self._contexts(settings, device_side.distribution)
        # Workers inherit this snapshot by the fork, so a worker that is replaced while the store is down still serves.
        snapshot = snapshot_to_begin_with(device_side, _try_out(tls), _terms(settings))
        if isinstance(tls, TlsContexts):
            tls.prepare(snapshot)
        device_side.distribution.publish(snapshot)
        device_side.release_connections()
        self._settings, self._device_side, self._tls = settings, device_side, tls
        self._installation = device_side.installation
        self._keep_up_at = time.monotonic() + _KEEP_UP_SECONDS

    def _contexts(self, settings: Settings, distribution: Distribution) -> ContextSource | None:
        if self._listener is Listener.HTTPS:
            return TlsContexts(distribution, settings.tls_profile)
        if self._listener is Listener.HTTP:
            return None
        assert_protected(settings)
        if has_tls_of_site(settings) and self._release_sealer is None:
            raise SettingsInvalid(
                'operators_tls_certificate is "site" now: this process cannot open the keys of releases',
                "Restart it.",
            )
        return contexts_for_operators(settings, distribution)

    def load_default_config(self) -> None:
        """Create gunicorn's defaults."""
        self.cfg = InstanceConfig(self._settings.log_format, secure=self._tls is not None)

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        settings, listener = self._settings, self._listener
        workers = 1 if listener is Listener.OPERATORS else settings.workers
        return options(listener.address(settings), listener.port(settings), workers, str(listener))

    def equip(self, worker: DeviceWorker) -> "Equipment":
        """Build the app and all that the loop needs, and start following the store. Called in each worker.

        Raises:
            EngageError: A folder cannot be used, or a secret cannot be opened.
        """
        equipment = assembly.equip(
            self._listener, self._settings, self._device_side, self._tls, self._environment, worker.log
        )
        self._when_serving()
        return equipment

    def reload(self) -> None:
        """Read the settings again, on SIGHUP. If they cannot be used, log why, and keep the old ones."""
        try:
            self._become(self._read_settings())
        except (EngageError, ssl.SSLError) as error:
            _log.error("settings not reloaded, the old ones stay in force: %s", error)
            return
        self.callable = None
        super().reload()


def _terms(settings: Settings) -> SwitchTerms:
    return SwitchTerms.given(settings.activation_wait_seconds, settings.poll_seconds)


def _try_out(tls: ContextSource | None) -> Callable[[ServedRelease], None] | None:
    return tls.try_out if isinstance(tls, TlsContexts) else None
