"""A browser's trip to the provider and back. All that belongs to it comes from one secret in a cookie.

State, nonce and PKCE verifier are digests of the secret, so they cannot be mixed up, and nothing is stored before
somebody comes back. A return belongs to the browser that has the cookie, and to no other.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engage_server.services.access.secrets_at_rest import new_secret

GOOD_FOR = timedelta(minutes=10)
_SKEW = timedelta(seconds=60)  # another host may have answered the first request


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip.

    Attributes:
        cookie: A secret, when it began, and where it leads. Anyone who changes one of them also changes the state.
        began_at: Aware, UTC.
        aim: The page to which the browser goes in the end. "" for none in particular.
    """

    cookie: str
    began_at: datetime
    aim: str = ""

    @staticmethod
    def begin(now: datetime, aim: str = "") -> "Trip":
        """Begin one."""
        cookie = f"{new_secret()}.{int(now.timestamp())}"
        return Trip(f"{cookie}.{urlsafe_b64encode(aim.encode()).decode()}" if aim else cookie, now, aim)

    @staticmethod
    def read(cookie: str) -> "Trip | None":
        """Read a cookie. None if it is none of ours."""
        secret, _, rest = cookie.partition(".")
        seconds, _, aim = rest.partition(".")
        if len(secret) != len(new_secret()) or not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 12):
            return None
        try:
            return Trip(cookie, datetime.fromtimestamp(int(seconds), UTC), urlsafe_b64decode(aim).decode())
        except ValueError:  # base64 and UTF-8 alike
            return None

    @property
    def state(self) -> str:
        """What the provider gives back with the browser."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the provider writes into the token."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves to the provider that the code is ours (RFC 7636): 43 characters."""
        return self._derived("verifier")

    def is_over(self, now: datetime) -> bool:
        """Whether it took too long, or begins in the future."""
        return not -_SKEW <= now - self.began_at <= GOOD_FOR

    def has_state(self, state: str) -> bool:
        """Whether a state is this trip's. It takes as long for each."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass"))

    def _derived(self, use: str) -> str:
        digest = hmac.digest(self.cookie.encode(), use.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def __repr__(self) -> str:
        return "Trip(***)"
