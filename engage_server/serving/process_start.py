"""What the process of every listener does when it starts."""

import logging
import resource
import sys
from contextlib import suppress

from engage_server.files import make_folder
from engage_server.serving.worker.log_lines import (
    DeviceLogger,
    ErrorLogHandler,
    JsonFormatter,
    LogFormat,
    TextFormatter,
)
from engage_server.settings import Settings

_MAX_DESCRIPTORS = 1 << 20
_DESCRIPTORS_FOR_OURSELVES = 64  # the spool, the database, the log, epoll, ...


def begin_metrics(settings: Settings, name: str) -> None:
    """Make the folder of the workers' metrics, without those of the last run. Call it before the workers are forked.

    Args:
        settings: The settings.
        name: Of the instance: no other one of this host may have it.

    Raises:
        FileNotUsable: The folder cannot be made.
    """
    make_folder(settings.metrics_dir)
    folder = settings.metrics_dir / name
    make_folder(folder)
    for left in folder.iterdir():
        left.unlink(missing_ok=True)


def log_beside_gunicorn() -> None:
    """Send what the app and the services log to gunicorn's log, in the same form."""
    ours, gunicorn = logging.getLogger("engage_server"), logging.getLogger("gunicorn.error")
    ours.handlers, ours.propagate = list(gunicorn.handlers), False
    ours.setLevel(gunicorn.level)


def log_without_gunicorn(log_format: LogFormat) -> None:
    """Send what a process without gunicorn logs to standard error, in the form of the others.

    Args:
        log_format: The setting.
    """
    handler = ErrorLogHandler(sys.stderr.fileno())
    handler.setFormatter(
        JsonFormatter() if log_format == "json" else TextFormatter(DeviceLogger.error_fmt, DeviceLogger.datefmt)
    )
    ours = logging.getLogger("engage_server")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.INFO)


def raise_descriptor_limit() -> None:
    """Allow as many open connections as the system does. The soft limit is often 1,024, for the sake of select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MAX_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MAX_DESCRIPTORS
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit(settings: Settings) -> int:
    """Return how many connections a worker may have: the setting, or fewer if the system allows fewer descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(settings.max_connections, max(1, soft - _DESCRIPTORS_FOR_OURSELVES))
