"""``engage host``."""

import click

from engage_server.as_json.hosts import host_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import counted, json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.records import WorkerStatus
from engage_server.services.access.permissions import Act
from engage_server.services.releases.confirmation import waiting


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "forget",
    ),
)
def host() -> None:
    """The machines that serve devices, and those that went silent."""


@host.command("list", acts=[Act.HOST_SEE], epilog="\b\nExamples:\n  engage host list\n  engage host list --json")
@json_option
@click.pass_obj
def list_hosts(session: Session, as_json: bool) -> int:
    """List the hosts with their workers.

    A worker that stops signs off. A silent worker was killed and will be replaced, or its host cannot reach the
    database and may still serve devices. A host that signed off is listed while sightings wait on its disk. Exit status
    1 when no worker of a listed host is alive.
    """
    found = session.operator_side().hosts.all()
    silent = [each for each in found if not each.is_alive]
    if as_json:
        print_json([host_json(each) for each in found])
        return int(bool(silent))
    rows: list[tuple[object, ...]] = [
        (each.name, worker.listener, worker.pid, f"{worker.seen_at:%Y-%m-%d %H:%M:%S}", state, _serves(worker))
        for each in found
        for state, workers in (("alive", each.alive), ("silent, no sign-off", each.silent))
        for worker in workers
    ]
    rows += [
        (each.name, "", "", f"{each.heard_at:%Y-%m-%d %H:%M:%S}", "signed off", f"{waiting(each.spool)} on its disk")
        for each in found
        if each.spool and not each.alive and not each.silent
    ]
    columns = ["host", "listener", "process", "last heard (UTC)", "", "serves"]
    print_table(columns, rows, "no host serves devices")
    for each in found:
        if each.is_doubled:
            print_wrapped(
                f"{each.name}: two operators' instances report. If that lasts for a minute, two machines have this "
                "name, and nobody sees when one of them is lost. Give one another name, and restart it",
                "  ",
            )
    if silent:
        name = silent[0].name
        print_next(
            f"bring {name} back, with its disk. Only if both are gone for good: {program()} host forget {name} "
            "--reason TEXT"
        )
    else:
        print_next(f"{program()} status" if rows else f"{program()} serve")
    return int(bool(silent))


@host.command(acts=[Act.HOST_FORGET], epilog='\b\nExample:\n  engage host forget gate-2 --reason "replaced by gate-3"')
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def forget(session: Session, name: str, as_json: bool) -> None:
    """Drop a host that is gone for good.

    As long as a host is silent without a sign-off, rotations treat no device as silent, because devices may call that
    host. A host that you drop by mistake is listed again as soon as it reaches the database.
    """
    hosts = session.operator_side().hosts
    spool = next((each.spool for each in hosts.all() if each.name == name), None)
    count = hosts.forget(name, session.reason, session.occasion())
    if spool and spool.waiting_bytes:
        click.echo(
            f"warning: {waiting(spool)} on the disk of {name} when it last said so. Doors that called it alone may be "
            "called silent now. If its disk is still there, start it again: it stores them then.",
            err=True,
        )
    if as_json:
        print_json({"host": name, "workers": count})
        return
    click.echo(f"dropped {name} with {counted(count, 'worker')}")
    print_next(f"{program()} host list")


def _serves(worker: WorkerStatus) -> str:
    served = ", ".join(f"{site} release {number}" for site, number in sorted(worker.served.items()))
    return "; ".join([served or "nothing yet", *(why for _, why in sorted(worker.trouble.items()))])
