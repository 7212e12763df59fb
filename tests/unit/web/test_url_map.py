"""The whole URL map of the operators' listener: what is not listed here does not exist there."""

from typing import Any

from flask import Flask

from engage_server.services.chains.sent.reading import open_here
from engage_server.web.api.blueprint import blueprint as api
from engage_server.web.api.dispatch import BASE
from engage_server.web.api.path_parameters import flask_rule
from engage_server.web.api.routes.table import ROUTES
from engage_server.web.console.blueprint import blueprint as console
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.sign_in.openid import OpenIdDoor
from engage_server.web.sign_in.routes import blueprint as sign_in
from engage_server.web.surroundings import Surroundings
from tests.support.operators import operators_app

OTHERS = """
GET /healthz
GET /readyz
GET /metrics
"""
SIGNING_IN = """
GET /sign-in
POST /sign-in
POST /sign-out
GET /sign-in/<secret>
POST /sign-in/<secret>
GET /sign-in/openid
GET /sign-in/openid/return
GET /sign-in.css
"""
CONSOLE = """
GET /
GET /tonight/walk-list
GET /sites/<site>
GET /sites/<site>/last-safe-days.ics
POST /sites/<site>/title
POST /sites/<site>/hosts
POST /sites/<site>/approvals
GET /sites/<site>/releases
POST /sites/<site>/releases
POST /sites/<site>/releases/rollback
GET /sites/<site>/releases/compare
GET /sites/<site>/releases/<number:number>
POST /sites/<site>/releases/<number:number>/activate
POST /sites/<site>/releases/<number:number>/retire
POST /sites/<site>/releases/<number:number>/drop
GET /sites/<site>/doors
GET /sites/<site>/doors.csv
POST /sites/<site>/doors/add
POST /sites/<site>/doors/import
GET /sites/<site>/doors/<door>
POST /sites/<site>/doors/<door>/name
POST /sites/<site>/doors/<door>/forget
POST /sites/<site>/doors/<door>/remove
POST /sites/<site>/doors/<door>/database
GET /sites/<site>/call-ins
POST /sites/<site>/call-ins/try-again
POST /sites/<site>/call-ins/discard
GET /doors
GET /audit-log
POST /audit-log/verify
GET /sites/<site>/rotation
POST /sites/<site>/rotation/start
POST /sites/<site>/rotation/start-with-chains
POST /sites/<site>/rotation/resume
POST /sites/<site>/rotation/approve
POST /sites/<site>/rotation/abort
POST /sites/<site>/rotation/keep
GET /sites/<site>/rotations/<number:number>
GET /check
POST /check
GET /people
POST /people/add
POST /people/change
POST /people/reset
POST /people/lock
POST /people/remove
GET /people/tokens
POST /people/tokens/add
POST /people/tokens/revoke
GET /about
GET /account
POST /account/password
POST /account/end-others
GET /console.css
GET /console.js
GET /icon.svg
"""


def _app() -> Flask:
    def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is asked")

    around = Surroundings(nothing, nothing, lambda: None, SessionCookie(secure=False), open_here)
    return operators_app(
        [
            sign_in(nothing, nothing, secure=False, openid=OpenIdDoor(nothing, "http://localhost")),
            api(around),
            console(around),
        ]
    )


def test_the_whole_url_map() -> None:
    """Of the API, its table is the list: see ``published-v1.json``."""
    found = {
        (method, rule.rule)
        for rule in _app().url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}  # it is GET without a body
    }
    listed = [tuple(line.split()) for line in (OTHERS + SIGNING_IN + CONSOLE).split("\n") if line]
    assert len(listed) == len(set(listed))
    assert found == {*listed, *((route.method, BASE + flask_rule(route.path)) for route in ROUTES)}
