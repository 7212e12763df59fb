"""What protects the operators' listener from pages that a browser has open beside it.

A page of any site can make a browser call this host. Three things are refused or prevented:

* Another name for this host, by which a page could read our answers (DNS rebinding): the Host field must be listed.
* A form or script of another origin that changes something: unsafe methods need our own Origin.
* An answer that is taken for something else, kept, or shown in a frame: header fields of every answer.
"""

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request

from engage_server.errors import HostInvalid
from engage_server.records import Host
from engage_server.web.problems import of_status, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# RFC 3986 section 3.2.2 and 3.2.3, narrowed to what a browser sends: no user, no escapes, no zone
_HOST_FIELD = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?", re.ASCII)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")  # RFC 9110 section 9.2.1
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OUR_SITES = ("same-origin", "none")  # Fetch Metadata: none is a person who typed the address

# what no page needs; a page sets its own Content-Security-Policy
_FIELDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with "no-referrer", the Origin of our own forms would be "null"
    "Cache-Control": "no-store",
    "Content-Security-Policy": "; ".join(
        ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(app: Flask, hosts: Collection[Host], *, secure: bool) -> None:
    """Protect every address of an app, also those that do not exist. Call it before the first request.

    Args:
        app: The app. A header field that a view has set stays.
        hosts: The hosts under which operators call it.
        secure: Whether browsers use HTTPS, be it to a proxy.
    """
    listed = frozenset(host.text for host in hosts)
    app.wsgi_app = _of_listed_hosts(app.wsgi_app, listed)  # type: ignore[method-assign,assignment]  # Flask's own way
    app.before_request(lambda: _refuse_other_origins("https" if secure else "http"))
    app.after_request(with_fields)


def with_fields(answer: Response) -> Response:
    """Add the header fields that every answer has."""
    for name, value in _FIELDS.items():
        answer.headers.setdefault(name, value)
    return answer


def host_in(field: str) -> Host | None:
    """Return the host in a Host field. None if it is none, or written as no browser writes it."""
    found = _HOST_FIELD.fullmatch(field)
    try:
        return Host.parse(found[1]) if found else None
    except HostInvalid:
        return None


def _of_listed_hosts(wsgi_app: "WSGIApplication", listed: frozenset[str]) -> "WSGIApplication":
    """Answer only requests for a listed host. This comes before everything else: Flask sees no other request."""

    def middleware(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # Werkzeug finds no route for a request for a websocket, but a server may ignore that (RFC 9110 section 7.8)
        environ.pop("HTTP_UPGRADE", None)
        refusal = _host_refusal(environ.get("HTTP_HOST", ""), listed)
        if refusal is None and environ.get("PATH_INFO", "").startswith("//"):  # Werkzeug would strip the slashes
            refusal = with_fields(of_status(404))
        return (refusal or wsgi_app)(environ, start_response)

    return middleware


def _host_refusal(field: str, listed: frozenset[str]) -> Response | None:
    host = host_in(field)
    if host is not None and host.text in listed:
        return None
    if not field:
        return with_fields(problem(400, "request.host", "the request names no host", "Send one Host field."))
    named = f"this server does not answer for the host '{host.text}'" if host else "the Host field is not usable"
    return with_fields(
        problem(
            421,
            "host.not_listed",
            named,
            "Call it by a name of the setting operators_hosts. Or add the name there, and reload: kill -HUP.",
        )
    )


def _refuse_other_origins(scheme: str) -> Response | None:
    """Refuse an unsafe method that a page of another origin caused. Clients that are no browsers send neither field."""
    if request.method in _SAFE_METHODS:
        return None
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if site is not None:  # no page can set it. A form of a page that sends no referrer has the Origin "null"
        is_other = site not in _OUR_SITES or (origin not in (None, "null") and not _is_ours(origin or "", scheme))
    elif origin is not None:
        is_other = not _is_ours(origin, scheme)
    else:
        is_other = "Cookie" in request.headers  # a browser that does not say which page it was
    if not is_other:
        return None
    return problem(
        403,
        "access.origin",
        "a page of another origin caused this request, or it does not say which",
        "Use the pages of this server. Behind a proxy: it must pass on Host and Origin unchanged.",
    )


def _is_ours(origin: str, scheme: str) -> bool:
    """Whether an Origin field names this listener, by the Host field of the same request, port included."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme != scheme or parts.path or parts.query or parts.fragment:
        return False
    ours = _place(request.environ.get("HTTP_HOST", ""), scheme)
    return ours is not None and _place(parts.netloc, scheme) == ours


def _place(field: str, scheme: str) -> tuple[str, str] | None:
    found, host = _HOST_FIELD.fullmatch(field), host_in(field)
    return (host.text, found[2] or _DEFAULT_PORTS[scheme]) if found and host else None
