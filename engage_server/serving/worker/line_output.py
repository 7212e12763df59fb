"""Whole lines to standard output or standard error, without ever waiting for whoever reads them.

A log reader that stalls - a full pipe, a stopped terminal, a journal that hangs - blocks each write of whoever logs. A
worker would answer nobody, a master replace no worker, the supervisor stop nothing. So a line that is not taken at once
is not written.

Asking first whether the descriptor can be written is not enough: several processes share one pipe, and another one may
fill it in between. Nor may the descriptor itself be made non-blocking: that is a property of the open file, which we
share with the shell that started us. So a pipe or terminal is opened once more, and a socket is told at each write.
"""

import os
import select
import socket
import stat
from contextlib import suppress

MAX_LINE_BYTES = select.PIPE_BUF  # a pipe takes so much in one piece or not at all (POSIX, write)


class LineOutput:
    """A descriptor that is written without waiting.

    Args:
        descriptor: Stays the caller's. It must be open; it may be a file, pipe, terminal or socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._socket: socket.socket | None = None
        self._asked_first: select.poll | None = None
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(kind):  # as systemd gives it: it cannot be opened by name
            self._socket = socket.socket(fileno=os.dup(descriptor))
        elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            self._descriptor = self._opened_again(descriptor)

    def write(self, lines: bytes) -> bool:
        """Write whole lines in one piece; False when they are not taken now, and nothing of them was written.

        Args:
            lines: At most :data:`MAX_LINE_BYTES`; of more a part may be written.

        Raises:
            OSError: The reader has gone, or the disk is full.
        """
        if self._asked_first is not None and not self._asked_first.poll(0):
            return False
        try:
            if self._socket is not None:
                self._socket.send(lines, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            else:
                os.write(self._descriptor, lines)
        except BlockingIOError:
            return False
        return True

    def _opened_again(self, descriptor: int) -> int:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | os.O_APPEND
        with suppress(OSError):  # no /proc, or another user's pipe
            return os.open(f"/proc/self/fd/{descriptor}", flags)
        self._asked_first = select.poll()
        self._asked_first.register(descriptor, select.POLLOUT)
        return descriptor


def say_at_once(descriptor: int, text: str) -> None:
    """Write a text, line by line, as far as it is taken at once. What the reader does not take is lost."""
    with suppress(OSError):
        output = LineOutput(descriptor)
        for line in text.splitlines():
            output.write(line.encode()[: MAX_LINE_BYTES - 1] + b"\n")
