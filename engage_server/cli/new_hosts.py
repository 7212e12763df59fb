"""Hosts that were added to a site while a rotation is open. Its chains are older, and not valid for them."""

from typing import TYPE_CHECKING

import click

from engage_server.cli.program import program
from engage_server.records import Host, RotationWay

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide


def unanswered_after_rotation(operator: "OperatorSide", site: str) -> tuple[Host, ...]:
    """The hosts that the last release of a site's open rotation is not valid for.

    Empty without an open rotation, and before its chains are built: they will be valid for today's hosts.
    """
    rotation = operator.rotations.open_rotation(site)
    if rotation is None or not rotation.releases:
        return ()
    return operator.releases.unanswered_hosts(operator.releases.one(site, rotation.releases[-1]))


def after_rotation(site: str) -> str:
    """The commands that make a site answer for new hosts while a rotation is open."""
    command = f"{program()} rotate"
    return f"{command} abort --site {site}, then {command} start --site {site} --way {RotationWay.SERVER_RENEWAL}"


def warn_of_new_hosts(operator: "OperatorSide", site: str) -> None:
    """Say on standard error that the open rotation leaves hosts of the site unanswered, and what to do."""
    hosts = unanswered_after_rotation(operator, site)
    if hosts:
        click.echo(
            f"warning: {site}: the open rotation does not answer for {' '.join(map(str, hosts))}. Let it end and "
            f"start a server renewal. Or do not wait: {after_rotation(site)}",
            err=True,
        )
