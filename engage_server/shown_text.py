"""Text of others as an error shows it: control characters are visible, and no URL shows its user or password."""

import re

_HIDDEN = "***"
# User information ends at the last @, because a password may hold one that was not encoded. In http URLs the user may
# be a token. Of others, such as a database's, the user is worth knowing, and :*** is a password that was hidden before.
# A URL that was given as a path has one slash.
_IN_URL = re.compile(r"((?<!\w)https?://?|://(?=[^/@\s]*:(?!\*\*\*@)))\S*@")
_WITHOUT_SCHEME = re.compile(r"^[^/\\@:]{2,}:.*@", re.DOTALL)  # two characters at least: C: is a drive


def without_controls(text: str) -> str:
    r"""Escape what a terminal would act on (``\n``, ``\x1b``) or could not show, such as bytes that are no text."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escaped(each) for each in text)


def without_user(address: str) -> str:
    """Hide the user information of one URL, or of ``user:password@host``.

    Args:
        address: The whole text that somebody gave as an address. It may be no URL at all.
    """
    scheme, separator, rest = address.partition("://")
    if separator:
        return f"{scheme}://{_HIDDEN}@{rest.rpartition('@')[2]}" if "@" in rest else address
    return _WITHOUT_SCHEME.sub(f"{_HIDDEN}@", address)


def shown_text(text: str) -> str:
    """A sentence that may quote what others wrote, on one line and without the user information of URLs in it."""
    return _IN_URL.sub(rf"\1{_HIDDEN}@", without_controls(text))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
