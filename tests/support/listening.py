"""Whether somebody listens, and has read what was sent."""

import socket
from contextlib import closing
from pathlib import Path

_CONNECTIONS = Path("/proc/net/tcp")


def accepts(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return True
    except OSError:
        return False


def was_read(connection: socket.socket) -> bool:
    """Whether who listens, on this machine and by IPv4, has accepted a connection and read all that was sent so far.

    What only the kernel has yet is lost when a server stops listening, and no server can help that.
    """
    ends = [_as_listed(*connection.getpeername()), _as_listed(*connection.getsockname())]
    for line in _CONNECTIONS.read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_, inode = line.split()[:10]
        if [local, remote] == ends:
            return inode != "0" and queues.endswith(":00000000")
    return False


def _as_listed(address: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
