"""gunicorn's configuration, the same for every listener."""

from pathlib import Path
from typing import Any

from gunicorn.config import Config

from engage_server.serving.worker.log_lines import DeviceLogger
from engage_server.serving.worker.loop import DeviceWorker

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the workers' heartbeat files: a slow disk must not look like a hung worker
_BACKLOG = 4096  # connections that wait to be accepted: all devices of a site call within one minute
_GRACE_SECONDS = 15


class InstanceConfig(Config):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's configuration for an instance that does TLS without certificate files.

    Args:
        log_lines: The format of the log.
        secure: Whether the listener does TLS.
    """

    def __init__(self, log_lines: str, *, secure: bool) -> None:
        super().__init__(prog="engage")
        self.log_lines = log_lines
        self._secure = secure

    @property
    def is_ssl(self) -> bool:
        """Whether connections are wrapped in TLS. gunicorn asks for the name of a certificate file; we have none."""
        return self._secure


def options(address: str, port: int, workers: int, name: str) -> dict[str, Any]:
    """Return what differs from gunicorn's defaults.

    Args:
        address: The IP address to listen on.
        port: The port.
        workers: How many processes serve.
        name: Of the listener, for the list of processes.
    """
    host = f"[{address}]" if ":" in address else address
    return {
        "bind": f"{host}:{port}",
        "workers": workers,
        "worker_class": DeviceWorker,
        "logger_class": DeviceLogger,
        "backlog": _BACKLOG,
        "graceful_timeout": _GRACE_SECONDS,
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        "proc_name": f"engage-{name}",
        # two servers of one user would share gunicorn's control socket, and nothing here needs it
        "control_socket_disable": True,
    }
