"""Bytes that must not be seen."""

import hmac
from typing import NoReturn


class Secret:
    """A site key, private key or passphrase that no print, log line or traceback can show.

    It does not protect the memory of the process. It protects against every ordinary way of writing a value: ``str``,
    ``repr``, ``format``, ``json``, ``pickle``, ``vars``.

    Args:
        value: The secret bytes.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the bytes. Reviewers should check every call."""
        return self._value

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint of the secret

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")
