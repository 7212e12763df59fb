"""``engage upload``."""

import click

from engage_server.as_json.uploads import refused_upload_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import counted, json_option, print_json, print_json_list, print_next, print_table
from engage_server.cli.parameters import site_option, sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.records import every_item
from engage_server.services.access.permissions import Act

_AT_ONCE = 500


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "try-again",
        "discard",
    ),
)
def upload() -> None:
    """Uploads that an upstream system rejected for good, on this host."""


@upload.command(
    "list",
    acts=[Act.DEVICE_FILES_SEE],
    epilog="\b\nExamples:\n  engage upload list --site north\n  engage upload list --json",
)
@site_option
@json_option
@click.pass_obj
def list_uploads(session: Session, site: str | None, as_json: bool) -> None:
    """List the uploads that a site's upstream system rejected.

    How many wait, and since when, stands below the list.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    found = every_item(lambda cursor: operator.refused_uploads.page(name, cursor, _AT_ONCE))
    if as_json:
        print_json_list(refused_upload_json(name, each) for each in found)
        return
    rows = [(each.name, each.status, f"{each.refused_at:%Y-%m-%d %H:%M}", each.bytes) for each in found]
    print_table(["upload", "answer", "rejected (UTC)", "bytes"], rows, "no upload was rejected")
    waiting = operator.waiting.uploads(name)
    if waiting.oldest is not None:
        of = counted(waiting.devices, "device")
        oldest = f"{waiting.oldest:%Y-%m-%d %H:%M}"
        click.echo(f"{counted(waiting.waiting, 'upload')} of {of} waiting, the oldest since {oldest} UTC")
    print_next(f"{program()} upload try-again --all --site {name}" if rows else f"{program()} site call-in {name}")


@upload.command(
    "try-again",
    acts=[Act.UPLOAD_TRY_AGAIN],
    epilog="\b\nExamples:\n  engage upload try-again --all --site north --reason 'the system is repaired'\n"
    "  engage upload try-again 0000000000000000A0B1000000000206~0000000007.422.json --site north",
)
@click.argument("uploads", nargs=-1, metavar="[UPLOAD]...")
@click.option("--all", "takes_all", is_flag=True, help="All that were rejected, at most 1000 at once.")
@site_option
@json_option
@click.pass_obj
def try_again(session: Session, uploads: tuple[str, ...], takes_all: bool, site: str | None, as_json: bool) -> None:
    """Deliver rejected uploads once more.

    Each goes before the later uploads of its device. An upload stays rejected if one with its number waits.
    """
    if bool(uploads) == takes_all:
        raise UsageError("it is not clear which uploads to try again", "Name them as the list does, or give --all.")
    operator = session.operator_side()
    name = operator.sites.get(site).name
    names = None if takes_all else list(dict.fromkeys(uploads))
    count = operator.refused_uploads.try_again(name, names, session.occasion().because(session.reason))
    if as_json:
        print_json({"site": name, "waiting_again": count})
        return
    click.echo(f"{counted(count, 'upload')} of {name} will be delivered again")
    print_next(f"{program()} upload list --site {name}")


@upload.command(
    acts=[Act.UPLOAD_DISCARD],
    epilog="\b\nExample:\n"
    "  engage upload discard 0000000000000000A0B1000000000206~0000000007.422.json --site north --reason 'a test'",
)
@click.argument("name", metavar="UPLOAD")
@site_option
@sure_option
@json_option
@click.pass_obj
def discard(session: Session, name: str, site: str | None, yes: bool, as_json: bool) -> None:
    """Delete one rejected upload. What the device reported in it is lost."""
    operator = session.operator_side()
    of_site = operator.sites.get(site).name
    if not yes:
        assert_sure(f"delete the rejected upload {name} of site {of_site}?")
    operator.refused_uploads.discard(of_site, name, session.occasion().because(session.reason))
    if as_json:
        print_json({"site": of_site, "discarded": name})
        return
    click.echo(f"deleted {name}")
    print_next(f"{program()} upload list --site {of_site}")
