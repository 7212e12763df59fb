"""Standard input as a target: ``-`` in the place of a file with certificates."""

import sys
from collections.abc import Iterable

from engage_server.errors import FileNotUsable, UsageError
from engage_server.services.chains.held_files import MAX_FILE_BYTES


def assert_one_reader(given: Iterable[str | None]) -> None:
    """Refuse ``-`` in more than one place: the first to read standard input would leave nothing for the second.

    Raises:
        UsageError: It is there twice.
    """
    if list(given).count("-") > 1:
        raise UsageError(
            "standard input can be read once: as the target, the passphrase, or the site key",
            "Use files for the others.",
        )


def read_standard_input() -> bytes:
    """The content of standard input, as the target ``-``.

    Raises:
        FileNotUsable: It is longer than any file that is read.
    """
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise FileNotUsable(f"-: more than {MAX_FILE_BYTES} bytes", "It cannot be what is expected here.")
    return content
