"""A real browser submits forms to the operators' listener: our own page's passes, that of another origin does not."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from engage_server.records import Host
from engage_server.services.distribution.lookup import Distribution
from engage_server.web.operators import create_operators_app

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")

_FORM = '<form method="post" action="{action}"></form><script>document.forms[0].submit()</script>'
_POLICY = "default-src 'none'; script-src 'unsafe-inline'"  # the form submits itself


def operators() -> Flask:
    """The listener with a page whose form changes something."""
    app = create_operators_app(
        Distribution(),
        bytes,
        [Host("localhost"), Host("127.0.0.1")],
        process=1,
        secure=False,
        assert_may_see_metrics=lambda _token: None,
    )

    @app.get("/form")
    def form() -> Response:
        return Response(_FORM.format(action="/change"), headers={"Content-Security-Policy": _POLICY})

    @app.get("/silent")
    def silent() -> Response:
        fields = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
        return Response(_FORM.format(action="/change"), headers=fields)

    @app.post("/change")
    def change() -> str:
        return f"changed, Origin {request.headers.get('Origin')}"

    return app


def stranger(target: str) -> Flask:
    """A page of somebody else that submits a form to the listener."""
    app = Flask("stranger")

    @app.get("/form")
    def form() -> str:
        return _FORM.format(action=target)

    return app


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port on which an app is served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown(address: str, profile: Path) -> str:
    """What the browser shows in the end."""
    names = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    how = (CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", names)
    command = (*how, "--virtual-time-budget=10000", "--dump-dom", address)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_only_our_own_form_changes_something(tmp_path: Path) -> None:
    with served(operators()) as port:
        assert f"changed, Origin http://localhost:{port}" in shown(f"http://localhost:{port}/form", tmp_path)
        assert "changed, Origin null" in shown(f"http://localhost:{port}/silent", tmp_path), "it says same-origin, too"
        with served(stranger(f"http://localhost:{port}/change")) as other:
            for host in ("localhost", "evil.example"):  # another program of this machine, and another site
                found = shown(f"http://{host}:{other}/form", tmp_path)
                assert "access.origin" in found
                assert "changed, Origin" not in found
