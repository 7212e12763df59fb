"""Passwords: Argon2id, with the library's own parameters. A weaker hash is replaced when its owner signs in."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engage_server.errors import Refused

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024  # hashing is bounded work, whatever somebody sends
_AT_ONCE = 2  # each takes 64 MiB and all of a core for some tens of milliseconds


class Passwords:
    """Hashes and checks passwords, two at a time at most.

    Args:
        hasher: Argon2id with its parameters.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys = ""

    def hashed(self, password: str) -> str:
        """Return the text to store.

        Raises:
            Refused: The password is too short or too long.
        """
        if len(password) < MIN_CHARACTERS:
            raise Refused(
                f"the password has {len(password)} characters, and at least {MIN_CHARACTERS} are needed",
                "Use several words.",
                code="password.too_short",
            )
        if len(password) > MAX_CHARACTERS:
            raise Refused(
                f"the password has more than {MAX_CHARACTERS} characters",
                "Use a shorter one.",
                code="password.too_long",
            )
        with self._turns:
            return self._hasher.hash(password)

    def matches(self, password: str, stored: str) -> bool:
        """Whether a password is the one of this hash. Without a hash it takes as long, and is never true.

        Args:
            password: What somebody typed.
            stored: The hash. "" for somebody who does not exist, or who has no password.
        """
        if len(password) > MAX_CHARACTERS:
            return False
        with self._turns:
            nobodys = self._hash_of_nobody()
            try:
                self._hasher.verify(stored or nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return bool(stored)

    def _hash_of_nobody(self) -> str:
        """A hash that nobody has, so that unknown names take as long.

        The first question makes it, for a known name too. A command that checks no password does without.
        """
        if not self._nobodys:
            self._nobodys = self._hasher.hash("nobody has this one")
        return self._nobodys

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)
