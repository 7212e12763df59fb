"""Writes whole lines to standard output or standard error, without ever waiting for the process that reads them.

If the reader of a log stalls (a full pipe, a stopped terminal, a journal that hangs), every write to it blocks. A
worker would then answer nobody, a master replace no worker, and the supervisor stop nothing. So a line that cannot be
written at once is dropped.

It is not enough to ask first whether the descriptor is writable: several processes share one pipe, and another one may
fill it in between. The descriptor itself must not be made non-blocking either: that belongs to the open file, which
we share with the shell that started us. So a pipe or terminal is opened once more, and a socket gets a flag at
each write.
"""

import os
import select
import socket
import stat
from contextlib import suppress

MAX_LINE_BYTES = select.PIPE_BUF  # a pipe takes this much in one piece or not at all (POSIX, write)


class LineOutput:
    """A descriptor that is written without waiting.

    Args:
        descriptor: Still belongs to the caller. It must be open. It may be a file, pipe, terminal or socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._socket: socket.socket | None = None
        self._asked_first: select.poll | None = None
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(kind):  # as systemd provides it: it cannot be opened by name
            self._socket = socket.socket(fileno=os.dup(descriptor))
        elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            self._descriptor = self._opened_again(descriptor)

    def write(self, lines: bytes) -> bool:
        """Write whole lines in one piece. False if that is not possible now; then nothing was written.

        Args:
            lines: At most :data:`MAX_LINE_BYTES`. A longer text may be written in part.

        Raises:
            OSError: The reader is gone, or the disk is full.
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
    """Write a text, line by line, as far as that is possible at once. The rest is lost."""
    with suppress(OSError):
        output = LineOutput(descriptor)
        for line in text.splitlines():
            output.write(line.encode()[: MAX_LINE_BYTES - 1] + b"\n")
