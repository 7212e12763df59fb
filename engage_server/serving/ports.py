"""Checks, before anything starts, whether a port can be used, so that the error is one clear sentence."""

import errno
import socket
import sys
from collections.abc import Collection
from itertools import count
from pathlib import Path

from engage_server.errors import PortNotUsable, SettingsInvalid

_PRIVILEGED_BELOW = 1024


def assert_bindable(address: str, port: int, option: str, others: Collection[int] = ()) -> None:
    """Listen on a port for a moment.

    Args:
        address: The IP address.
        port: 1 to 65535.
        option: The option that chooses another port, such as ``--http-port``.
        others: Ports of our other instances, which are no advice.

    Raises:
        PortNotUsable: The port is in use, or this user may not listen on it.
        SettingsInvalid: ``address`` is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            probe.listen(1)
    except PermissionError:
        raise PortNotUsable(f"port {port}: this user may not listen on it", _permission_advice(option)) from None
    except (socket.gaierror, OverflowError):
        raise SettingsInvalid(
            f"bind: {address!r} is not an IP address", "Use 0.0.0.0, ::, or an address of this machine."
        ) from None
    except OSError as error:
        raise _refused(error, address, port, option, others) from None


def _refused(
    error: OSError, address: str, port: int, option: str, others: Collection[int]
) -> PortNotUsable | SettingsInvalid:
    if error.errno == errno.EADDRINUSE:
        first = port + 8000 if port < _PRIVILEGED_BELOW else port + 1
        free = next(each for each in count(first) if each not in others)
        return PortNotUsable(
            f"port {port} is in use: another server listens on it, perhaps an earlier start of this one",
            f"Stop the other, or choose a free port: {option} {free}",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return SettingsInvalid(
            f"bind: {address} is not an address of this machine", "Use 0.0.0.0, ::, or an address of this machine."
        )
    return PortNotUsable(f"port {port} on {address}: {error.strerror}", f"Choose another port: {option} PORT")


def _permission_advice(option: str) -> str:
    python = Path(sys.executable).resolve()
    return (
        f"Choose a port of {_PRIVILEGED_BELOW} or above ({option} 8080), or start it with the systemd units in "
        "deploy/systemd, which grant this right. Or grant it to the interpreter: "
        f"sudo setcap cap_net_bind_service=+ep {python}"
    )
