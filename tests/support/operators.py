"""The app of the operators' listener, around some pages."""

from collections.abc import Sequence

from flask import Blueprint, Flask

from engage_server.records import Host
from engage_server.services.distribution.lookup import Distribution
from engage_server.web.operators import create_operators_app


def operators_app(pages: Sequence[Blueprint], *, secure: bool = False) -> Flask:
    """As it is served, for nothing but these pages."""
    return create_operators_app(
        Distribution(),
        bytes,
        [Host("localhost"), Host("127.0.0.1")],
        process=1,
        secure=secure,
        assert_may_see_metrics=lambda _token: None,
        pages=pages,
    )
