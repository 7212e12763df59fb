"""Whether somebody listens."""

import socket
from contextlib import closing


def accepts(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return True
    except OSError:
        return False
