"""What comes from a file and never from an argument: the text of an SMS, the shared secret of a tunnel."""

import sys
from pathlib import Path

from engage_server.errors import UsageError
from engage_server.files import read_file
from engage_server.links.registry.secret_file import SECRET_BYTES, read_secret_file
from engage_server.records import Secret

_STANDARD_INPUT = "-"
_MOST_TEXT_BYTES = 8192


def text_of(file: str) -> str:
    """The text in a file, without its last line end. ``-`` is standard input.

    Raises:
        FileNotUsable: It cannot be read, or is too long.
        UsageError: It is no UTF-8, or too long.
    """
    return _decoded(_content(file, _MOST_TEXT_BYTES), file)


def shared_secret_of(file: str) -> Secret:
    """The secret in a file with mode 0600. ``-`` is standard input.

    Raises:
        SettingsInvalid: The file cannot be read, or others may read it.
        UsageError: Standard input is empty or too long, or the secret is no text.
    """
    if file != _STANDARD_INPUT:
        secret = read_secret_file(Path(file).absolute())
    else:
        secret = Secret(_stripped(_content(file, SECRET_BYTES)))
        if not secret.reveal():
            raise UsageError("standard input holds no secret", "Write the secret there, on one line.")
    _decoded(secret.reveal(), file)
    return secret


def _content(file: str, limit: int) -> bytes:
    if file != _STANDARD_INPUT:
        return read_file(Path(file), limit=limit)
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise UsageError(f"standard input has more than {limit} bytes", "Send less.")
    return content


def _decoded(content: bytes, file: str) -> str:
    try:
        return _stripped(content).decode()
    except UnicodeDecodeError:
        where = "standard input" if file == _STANDARD_INPUT else file
        raise UsageError(f"{where} holds bytes that are no text", "Write it as UTF-8.") from None


def _stripped(content: bytes) -> bytes:
    return content.removesuffix(b"\n").removesuffix(b"\r")
