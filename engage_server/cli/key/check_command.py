"""``engage key check``."""

import click

from engage_server.as_json.keys import key_standing_fields
from engage_server.cli.output import counted, json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.composition.keys.checking import check_keys
from engage_server.records import KeyHolder
from engage_server.services.access.permissions import Act
from engage_server.services.keys.standing import KeyStanding


@click.command(
    cls=AskingCommand,
    acts=[Act.KEY_CHECK],
    epilog="\b\nExamples:\n  engage key check\n  engage key check --json",
)
@json_option
@click.pass_obj
def check(session: Session, as_json: bool) -> int:
    """Check which key is in force, and what it opens.

    Says which key-encryption key this command is given, where it comes from, and whether it opens the installation key
    and every sealed value. Lists the hosts that need the key, and a change of it that is not over. A key is named by
    its id, a digest. Nothing is changed.

    Exit status 1 when something does not open.
    """
    standing = check_keys(session.settings(), session.environment)
    if as_json:
        print_json(key_standing_fields(standing))
    else:
        print_standing(standing)
    return int(not standing.is_well)


def print_standing(standing: KeyStanding) -> None:
    """Print the state of the keys, and the next step."""
    place = f", mode {standing.mode}, owner {standing.owner}" if standing.mode else ""
    print_wrapped(f"key-encryption key {standing.key_id}, from the {standing.source}{place}", "  ")
    accepted = " and ".join(each.key_id for each in standing.accepted) or "none"
    if standing.sealed is None:
        print_wrapped(f"error: it does not open this installation. {standing.trouble}. Accepted: {accepted}", "  ")
    else:
        click.echo(f"opens the installation key. Accepted: {accepted}")
        opened = standing.sealed.count - len(standing.sealed.broken)
        click.echo(f"opens {opened} of {counted(standing.sealed.count, 'sealed value')}")
        for each in standing.sealed.broken:
            click.echo(f"error: this does not open: {each}")
    if standing.release_key:
        print_wrapped(f"release key of this host: {standing.release_key}", "  ")
    print_holders(standing)
    for each in standing.left_over:
        click.echo(f"left over from a change of the key: {each}")
    print_next(standing.next_step or f"{program()} status")


def print_holders(standing: KeyStanding) -> None:
    """Print the change of the key that is not over, and every process that needs the key."""
    rotation = standing.rotation
    if rotation is not None:
        begun = f"begun {rotation.begun_at:%Y-%m-%d %H:%M} UTC by {rotation.begun_by}"
        what = "only files are left to clean up" if rotation.is_decided else f"{len(standing.missing)} to confirm"
        print_wrapped(f"being replaced: {rotation.old} by {rotation.new}, {begun}: {what}", "  ")
    rows = [(each.name, each.key_id or "none", _state(each, standing), each.source) for each in standing.holders]
    if rows:
        print_table(["needs the key", "key", "", "from the"], rows, "")


def _state(holder: KeyHolder, standing: KeyStanding) -> str:
    if holder.trouble:
        return holder.trouble
    if standing.rotation is None:
        return "stale" if holder in standing.stale else "opens"
    confirmed = "old" if holder in standing.missing else "confirmed"
    return confirmed if holder.is_alive else f"{confirmed}, not running"
