"""The release key as text, with a mark in front, so that it is never confused with a key-encryption key."""

import base64
import binascii

from engage_server.errors import SettingsInvalid
from engage_server.records.secret import Secret

RELEASE_KEY_BYTES = 32
_MARK = b"engage-release-key:"


def write_release_key(release_key: Secret) -> bytes:
    """Return the text for its file, with a newline at the end."""
    return _MARK + base64.b64encode(release_key.reveal()) + b"\n"


def is_release_key(text: bytes) -> bool:
    """Whether a file's content says that it is a release key."""
    return text.startswith(_MARK)


def read_release_key(text: bytes, source: str) -> Secret:
    """Read the 32 bytes of a release key.

    Args:
        text: As :func:`write_release_key` makes it. White space around it is ignored.
        source: The file or variable that it came from, for errors.

    Raises:
        SettingsInvalid: It is not such a text. The text is not repeated.
    """
    written = text.strip()
    try:
        key = base64.b64decode(written.removeprefix(_MARK), validate=True)
    except binascii.Error:
        key = b""
    if not is_release_key(written) or len(key) != RELEASE_KEY_BYTES:
        raise SettingsInvalid(
            f"{source}: not a release key",
            "Make it on the machine with the key-encryption key: engage key export-release-key FILE. Do not put the "
            "key-encryption key there: it opens the site keys.",
        )
    return Secret(key)
