"""``engage token``."""

import click

from engage_server.as_json.access import token_json
from engage_server.cli.access.grant_options import grant_options, read_grant, shown_sites
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.records import AccessToken
from engage_server.services.access.permissions import Act
from engage_server.services.access.tokens import MOST_DAYS


@click.group(cls=OrderedGroup, order=("add", "list", "revoke"))
def token() -> None:
    """Tokens with which other systems call the API.

    A token has a role and an end. It can never approve a step of a rotation: a person must.
    """


@token.command(
    acts=[Act.TOKEN_CHANGE],
    epilog="\b\nExamples:\n  engage token add ci --role operator --site depot > ci.token\n"
    "  engage token add monitor --role viewer --days 30",
)
@click.argument("name", metavar="NAME")
@grant_options
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=90, show_default=True, help="How long it is good for."
)
@click.pass_obj
def add(session: Session, name: str, role: str, sites: tuple[str, ...], days: int) -> None:
    """Make a token, and print it alone on standard output.

    It is shown this once. Only its SHA-256 is stored. Send it as 'Authorization: Bearer TOKEN', never in an address.
    """
    side, occasion = session.operator_side(), session.occasion()
    made = side.access.tokens.add(name, read_grant(side, role, sites), days, session.acting(), occasion)
    click.echo(made)
    click.echo(f"the token '{name}' is good for {days} days. It is not shown again", err=True)


@token.command("list", acts=[Act.TOKEN_SEE], epilog="\b\nExamples:\n  engage token list\n  engage token list --json")
@json_option
@click.pass_obj
def list_tokens(session: Session, as_json: bool) -> None:
    """List the tokens: what they may do, and when they end."""
    found = session.operator_side().access.tokens.all()
    if as_json:
        print_json([token_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.grant.role.value,
            shown_sites(each.grant),
            _state(each, session),
            f"{each.used_at:%Y-%m-%d %H:%M}" if each.used_at else "never",
            each.maker,
        )
        for each in found
    ]
    print_table(["token", "role", "sites", "state", "used (UTC)", "made by"], rows, "there is no token")
    print_next(f"{program()} token add NAME --role viewer" if not rows else f"{program()} token revoke NAME")


@token.command(acts=[Act.TOKEN_CHANGE], epilog="\b\nExample:\n  engage token revoke ci")
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def revoke(session: Session, name: str, as_json: bool) -> None:
    """Revoke a token. From now on no host accepts it."""
    tokens = session.operator_side().access.tokens
    tokens.revoke(name, session.occasion())
    if as_json:
        print_json(next(token_json(each) for each in tokens.all() if each.name == name))
        return
    click.echo(f"revoked the token '{name}'")
    print_next(f"{program()} token list")


def _state(of: AccessToken, session: Session) -> str:
    if of.revoked_at is not None:
        return f"revoked {of.revoked_at:%Y-%m-%d}"
    return f"{'until' if of.is_usable(session.now()) else 'ended'} {of.ends_at:%Y-%m-%d}"
