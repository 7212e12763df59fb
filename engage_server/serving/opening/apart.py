"""The program that opens one chain: it reads a request from standard input, writes the answer, and ends.

The key and the passphrase come through a pipe. They are in no argument, no variable and no file.
"""

import sys

from engage_server.serving.closed_memory import close_memory
from engage_server.serving.opening.limits import NO_MEMORY, limit_this_process


def main() -> None:
    """Open what standard input holds."""
    limit_this_process()
    close_memory()
    from engage_server.services.chains.sent.exchange import answer_to  # within the limits
    from engage_server.services.chains.sent.reading import open_here

    try:
        answer = answer_to(sys.stdin.buffer.read(), open_here)
    except MemoryError:
        sys.exit(NO_MEMORY)
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
