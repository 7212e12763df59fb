"""Read small files, and pipes that somebody writes into."""

import os
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files.failures import explained

# a program that computes and writes into a pipe gets this long; a missing one must not block for ever
PIPE_SECONDS = 60


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a small file.

    Args:
        path: The file. ``-`` is a file of that name, not standard input.
        limit: In bytes. A longer file is rejected unread: it is not what the caller expects.

    Raises:
        FileNotUsable: The file cannot be read, or is too long. Or it is a pipe that nothing comes out of.
    """
    with explained(path, "read it"):
        content = _read_pipe(path, limit + 1) if path.is_fifo() else _read_up_to(path, limit + 1)
    if len(content) > limit:
        raise FileNotUsable(f"{path} has more than {limit} bytes", "Check the path: such a long file is not expected.")
    return content


def _read_up_to(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _read_pipe(path: Path, most: int) -> bytes:
    """Read until the writer closes the pipe. Opening a pipe without a writer would otherwise block for ever."""
    import select  # only this waits for a descriptor, but every command reads files

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        pipe, content = select.poll(), b""
        pipe.register(descriptor, select.POLLIN)
        while len(content) < most:
            if not pipe.poll(PIPE_SECONDS * 1000):
                raise FileNotUsable(
                    f"{path} is a pipe, and nothing came out of it for {PIPE_SECONDS} s", "Write something into it."
                )
            part = os.read(descriptor, most - len(content))
            if not part:
                break
            content += part
        return content
    finally:
        os.close(descriptor)
