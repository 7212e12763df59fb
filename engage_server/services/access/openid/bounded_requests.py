"""Requests to the provider that end in time and stay small, whatever it sends. No redirect is followed."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError, RequestException
from urllib3.exceptions import HTTPError

from engage_server.services.access.openid.refusals import away

TOTAL_SECONDS = 3.5  # of one call, once it began. A page says within five what became of it
WAIT_SECONDS = 1.0  # for others who ask the provider, too
MAX_BYTES = 512 * 1024
_STEP_SECONDS = (2.0, 3.0)  # to connect, and between two pieces
_PIECE = 16 * 1024
_AT_ONCE = 3  # so that other threads of the listener are free, also for those who sign in with a password

_T = TypeVar("_T")


class TooLong(RequestException):
    """The provider sent more than anybody needs."""


class BoundedAdapter(HTTPAdapter):
    """Reads each answer whole, up to a limit."""

    def send(self, request: PreparedRequest, *_args: Any, **options: Any) -> Response:
        """Send a request, and read its answer."""
        answer = super().send(
            request,
            stream=True,
            timeout=_STEP_SECONDS,
            verify=options.get("verify", True),
            cert=options.get("cert"),
            proxies=options.get("proxies"),
        )
        try:
            answer._content = _read(answer)  # requests has no public way to read with a limit
        except HTTPError as error:
            raise ContentDecodingError(str(error), request=request) from None
        finally:
            answer.close()
        answer._content_consumed = True
        return answer


def bind(session: Session, ca_file: str | None) -> None:
    """Make a session send nothing but what is bounded: no proxies, no ``.netrc``, no cookies of before."""
    session.trust_env = False
    session.verify = ca_file or True
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())


class Turns:
    """Lets few calls to the provider happen at once, and waits for none too long.

    Args:
        seconds: The time limit of each.
    """

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def take(self, call: Callable[[], _T]) -> _T:
        """Make a call in its own thread. One that is too slow continues there, and its result is lost.

        Raises:
            NotPossible: It took too long, or too many others are under way.
            Exception: Whatever the call raised.
        """
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise away("others wait for it already")
        results: list[_T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(call())
            except Exception as error:  # it is raised below, where somebody waits
                errors.append(error)
            finally:
                self._free.release()

        thread = threading.Thread(target=run, name="openid-provider", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if errors:
            raise errors[0]
        if not results:
            raise away(f"it did not answer within {self._seconds:g} s")
        return results[0]


def _read(answer: Response) -> bytes:
    content = bytearray()
    while piece := answer.raw.read1(_PIECE, decode_content=True):
        content += piece
        if len(content) > MAX_BYTES:
            raise TooLong(f"more than {MAX_BYTES // 1024} KiB")
    return bytes(content)
