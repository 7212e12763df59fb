"""The options that say what somebody may do."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engage_server.cli.shell import completions
from engage_server.records import Grant, Role

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_F = TypeVar("_F", bound=Callable[..., Any])


def grant_options(command: _F) -> _F:
    """``--role`` and ``--site``."""
    role = click.option(
        "--role",
        type=click.Choice([each.value for each in Role]),
        required=True,
        help="viewer sees, operator acts, approver also approves, admin also manages people.",
    )
    sites = click.option(
        "--site",
        "sites",
        multiple=True,
        metavar="NAME",
        shell_complete=completions.sites,
        help="Only at this site. Repeat it for each. [default: all sites]",
    )
    return role(sites(command))


def read_grant(side: "OperatorSide", role: str, sites: Iterable[str]) -> Grant:
    """What the options say.

    Raises:
        NotFound: There is no such site.
    """
    named = frozenset(side.sites.get(each).name for each in sites)
    return Grant(Role(role), named or None)


def shown_sites(grant: Grant) -> str:
    """The sites of a grant, for a table."""
    return "all" if grant.sites is None else ", ".join(sorted(grant.sites))
