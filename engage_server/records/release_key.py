"""The release key as text, with a mark in front: nobody takes a key-encryption key for one, or the reverse."""

import base64
import binascii

from engage_server.errors import SettingsInvalid
from engage_server.records.secret import Secret

RELEASE_KEY_BYTES = 32
_MARK = b"engage-release-key:"


def write_release_key(release_key: Secret) -> bytes:
    """The text that goes into its file, a newline at the end."""
    return _MARK + base64.b64encode(release_key.reveal()) + b"\n"


def is_release_key(text: bytes) -> bool:
    """Whether a file's content says that it is one."""
    return text.startswith(_MARK)


def read_release_key(text: bytes, source: str) -> Secret:
    """The 32 bytes of a release key.

    Args:
        text: As :func:`write_release_key` makes it; white space around it is ignored.
        source: The file or variable it came from, for errors.

    Raises:
        SettingsInvalid: It is no such text. The text is not repeated.
    """
    written = text.strip()
    try:
        key = base64.b64decode(written.removeprefix(_MARK), validate=True)
    except binascii.Error:
        key = b""
    if not is_release_key(written) or len(key) != RELEASE_KEY_BYTES:
        raise SettingsInvalid(
            f"{source}: not a release key",
            "Make it where the key-encryption key is: engage key export-release-key FILE. Do not put the "
            "key-encryption key there: it opens the site keys.",
        )
    return Secret(key)
