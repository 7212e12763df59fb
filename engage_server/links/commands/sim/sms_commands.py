"""``engage sim sms``."""

from dataclasses import replace

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import counted, json_option, print_next, printable
from engage_server.cli.parameters import sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.entries import holds
from engage_server.links.commands.sim.orders import assert_offered, order_once, print_answer
from engage_server.links.commands.sim.secret_files import text_of
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, pasted, site_option, thing_argument
from engage_server.links.sim.operations import Operation
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act

_MOST_CHARACTERS = 1600  # ten parts of 160: no contract that was seen takes more
_EXAMPLES = """\b
Examples:
  engage sim sms send 8931440000000000001 --text-file reboot.txt
  printf 'REBOOT 1234' | engage sim sms send --site depot --text-file - --yes
"""


@click.group(cls=OrderedGroup, order=("send",))
def sms() -> None:
    """M2M SMS: commands to the device that holds a SIM, such as a router."""


@sms.command(acts=[Act.SIM_MESSAGE_SEND], epilog=_EXAMPLES)
@thing_argument
@account_option
@site_option
@click.option("--text-file", required=True, metavar="FILE", help="File with the text. - reads standard input.")
@sure_option
@json_option
@click.pass_obj
def send(
    session: Session,
    thing: str | None,
    account: str | None,
    site: str | None,
    text_file: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Send an SMS to a SIM, once.

    The text often holds a password of a router. So it comes from a file, and neither log nor audit log keeps it. A line
    end at its end is left out. Whether it arrives, the operator may say. If no answer comes, it may have been sent:
    nothing repeats it by itself.
    """
    found = chosen(session, account, site)
    assert_offered(found, Operation.SMS_SEND)
    name, text = found.one_thing(thing), text_of(text_file)
    if not text or len(text) > _MOST_CHARACTERS:
        raise UsageError(
            f"the text has {counted(len(text), 'character')}", f"Send at least one, and at most {_MOST_CHARACTERS}."
        )
    if not yes:
        assert_sure(f"send an SMS of {counted(len(text), 'character')} to SIM {printable(name)}?")
    answer = order_once(
        session,
        found,
        Operation.SMS_SEND,
        {"thing": name, "text": text},
        AuditAction.SIM_MESSAGE_ORDERED,
        thing=name,
        characters=str(len(text)),
    )
    shown = {key: each for key, each in answer.shown.items() if not holds(each, text)}  # some contracts repeat it
    sentence = f"sent an SMS of {counted(len(text), 'character')} to SIM {name}"
    print_answer(replace(answer, shown=shown), sentence, as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim show {pasted(name)}")
