"""``engage key rotate``."""

import shlex
from pathlib import Path

import click

from engage_server.as_json.keys import key_standing_fields
from engage_server.cli.key.check_command import print_holders
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import pasteable, program
from engage_server.cli.session import Session, tell_entry
from engage_server.composition.keys.checking import check_keys
from engage_server.composition.keys.rotating import RotationTerms, opened_rotating
from engage_server.errors import UsageError
from engage_server.records import KeyHolder
from engage_server.services.access.permissions import Act
from engage_server.services.keys.standing import what_to_do

_EXAMPLE = """\b
Examples:
  engage key rotate
      a new random key, in the place of the old one
  engage key rotate --new-key-file /media/usb/new.kek
      this key; a new one is written there if the file does not exist
  engage key rotate --new-key-command "bao kv get -mount=secret -field=kek engage"
  engage key rotate --status
  engage key rotate --finish-without gate-3
      gate-3 is gone for good
"""


@click.command(cls=AskingCommand, acts=[Act.KEY_ROTATE], epilog=_EXAMPLE)
@click.option("--new-key-file", type=FilePath, metavar="FILE", help="The new key. Made if the file does not exist.")
@click.option("--new-key-command", metavar="WORDS", help="A command that prints the new key. Runs without a shell.")
@click.option("--finish-without", "without", multiple=True, metavar="HOST", help="Do not wait for a host that is gone.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the hosts.",
)
@click.option("--status", is_flag=True, help="Only show how far it is.")
@click.option("--abort", is_flag=True, help="Give up, as long as nobody has the new key.")
@json_option
@click.pass_obj
def rotate(
    session: Session,
    new_key_file: Path | None,
    new_key_command: str | None,
    without: tuple[str, ...],
    wait_seconds: float,
    status: bool,
    abort: bool,
    as_json: bool,
) -> int:
    """Replace the key-encryption key while serving.

    Both keys are accepted until every host has confirmed the new one. Then only the new one is. Devices notice nothing.
    Copy the new key to each host, or let its command print it: the running servers read their source again, and report.

    The command waits for the hosts, and says what is missing. Run it again to go on, also after an interruption. On
    another host, it puts the new key into the key file there if you give it with --new-key-file.

    Keep a copy of the new key apart from the database before you remove the old copies. Without it, nothing opens
    the site keys.

    Exit status 1 while a host has not confirmed.
    """
    settings = session.settings()
    if status:
        return _show(session, as_json)
    if new_key_file is not None and new_key_command is not None:
        raise UsageError("--new-key-file and --new-key-command are both given", "Give one of them.")
    terms = RotationTerms(new_key_file, _words(new_key_command), without, wait_seconds)

    def tell(sentence: str) -> None:
        if not as_json:
            click.echo(pasteable(sentence))

    with opened_rotating(settings, session.environment, tell_entry, tell) as rotating:
        if abort:
            rotating.abort(session.occasion())
            missing: tuple[KeyHolder, ...] = ()
        else:
            missing = rotating.run(terms, session.occasion())
    if as_json:
        _show(session, as_json)
        return int(bool(missing))
    for each in missing:
        click.echo(f"waits for {each.name}, which has the key {each.key_id or 'of nobody'} from the {each.source}")
    if missing:
        print_next(*_steps(missing))
    else:
        print_next(f"{program()} key check, and keep a copy of the key apart from the database")
    return int(bool(missing))


def _steps(missing: tuple[KeyHolder, ...]) -> list[str]:
    steps = [what_to_do(each) for each in missing]
    steps.append(f"then go on: {program()} key rotate")
    gone = [each.host for each in missing if not each.is_alive]
    if gone:
        steps.append(f"if {gone[0]} is gone for good: {program()} key rotate --finish-without {gone[0]}")
    return steps


def _words(command: str | None) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command or ""))
    except ValueError as error:
        raise UsageError(f"--new-key-command cannot be split into words: {error}", "Close its quotes.") from None
    if command is not None and not words:
        raise UsageError("--new-key-command is empty", "Name a command that prints the new key.")
    return words


def _show(session: Session, as_json: bool) -> int:
    standing = check_keys(session.settings(), session.environment)
    if as_json:
        print_json(key_standing_fields(standing))
        return 0
    if standing.rotation is None:
        click.echo(f"the key-encryption key {standing.key_id} is not being replaced")
    print_holders(standing)
    print_next(standing.next_step or f"{program()} key check")
    return 0
