"""The cookie that holds a session's secret.

Over TLS its name begins with ``__Host-``: then no other host and no plain page can set it (RFC 6265bis). Not every
browser takes such a cookie from ``http://localhost``, so there it has a plain name.
"""

from flask import Request, Response

_NAME, _SECURE_NAME = "engage", "__Host-engage"


class SessionCookie:
    """Reads, sets and removes it.

    Args:
        secure: Whether browsers come over TLS.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    @property
    def scheme(self) -> str:
        """The scheme by which browsers come, be it to a proxy."""
        return "https" if self._secure else "http"

    @property
    def name(self) -> str:
        """Its name."""
        return _SECURE_NAME if self._secure else _NAME

    def read(self, request: Request) -> str:
        """Return the secret. "" if there is none."""
        return request.cookies.get(self.name, "")

    def set(self, response: Response, secret: str) -> None:
        """Hand it to the browser, until that is closed. The server ends it earlier."""
        response.set_cookie(self.name, secret, path="/", secure=self._secure, httponly=True, samesite="Strict")

    def remove(self, response: Response) -> None:
        """Take it from the browser."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite="Strict")
