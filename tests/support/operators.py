"""The app of the operators' listener, around some pages."""

from collections.abc import Sequence

from flask import Blueprint, Flask

from engage_server.services.distribution.lookup import Distribution
from engage_server.web.operators import create_operators_app


def operators_app(pages: Sequence[Blueprint]) -> Flask:
    """As it is served, for nothing but these pages."""
    return create_operators_app(Distribution(), bytes, 1, pages)
