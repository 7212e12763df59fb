"""``engage store``."""

import time

import click

from engage_server.as_json.backups import copied_store_json
from engage_server.cli.output import counted, json_option, print_json, print_next, print_wrapped
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session, tell_entry
from engage_server.services.access.permissions import Act

_QUIET_SECONDS = 2.0


@click.group()
def store() -> None:
    """The database: copy it into another one."""


@store.command(
    cls=AskingCommand,
    acts=[Act.STORE_COPY],
    epilog="\b\nExamples:\n  PGPASSFILE=pgpass engage store copy --to postgresql://engage@db.example.org/engage\n"
    "  engage store copy --to sqlite:////srv/engage/data/moved.db\n      back to the embedded database",
)
@click.option("--to", "to", required=True, metavar="DATABASE_URL", help="An empty database. The URL has no password.")
@click.option("--while-serving", is_flag=True, help="Copy although something serves. Later changes are not copied.")
@json_option
@click.pass_obj
def copy(session: Session, to: str, while_serving: bool, as_json: bool) -> None:
    """Copy the database into an empty one, SQLite or PostgreSQL.

    Stop the servers first: what they write meanwhile would be missing in the copy. Afterwards, the number of rows of
    each table and the end of the audit log are compared. Then set database_url, and start the servers. This database
    stays as it is: keep it until the other one serves.

    A password of PostgreSQL comes from PGPASSFILE or PGPASSWORD. People who are signed in sign in again.
    """
    from engage_server.composition.backups.moving import copy_store, target_of

    settings = session.settings()
    target = target_of(to, settings, session.folder)
    copied = copy_store(
        settings,
        session.environment,
        target,
        session.occasion(),
        while_serving=while_serving,
        tell=_Progress().tell,
        told=tell_entry,
    )
    if as_json:
        print_json(copied_store_json(to, copied.rows, copied.head, was_serving=copied.was_serving))
        return
    rows, tables = counted(sum(copied.rows.values()), "row"), counted(len(copied.rows), "table")
    click.echo(f"copied {rows} of {tables}; both databases have the same number of rows, and the same audit log:")
    click.echo(f"  {copied.head}")
    if copied.was_serving:
        print_wrapped("warning: something served meanwhile. What it wrote since then is not in the copy", "  ")
    print_next(
        f"set database_url to {target} in the settings of every server, start the servers, then: {program()} status"
    )


class _Progress:
    """Shows a person what happens, once it takes longer than a moment."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _QUIET_SECONDS

    def tell(self, table: str, rows: int) -> None:
        """Show how far a table is."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _QUIET_SECONDS
            click.echo(f"{table}: {counted(rows, 'row')} so far", err=True)
