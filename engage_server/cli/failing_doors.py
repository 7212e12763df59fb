"""Before doors would refuse what is served: how many, which, and a question."""

import sys

import click

from engage_server.errors import Refused
from engage_server.services.releases.reception import Reception

yes_option = click.option("--yes", is_flag=True, help="Do not ask, even if doors would fail TLS.")


def assert_wanted(receptions: list[Reception], *, yes: bool) -> None:
    """Ask if at least one door would fail TLS. Refuse if nobody is there to answer.

    Args:
        receptions: For each site, how its devices would respond to what is about to be served.
        yes: Whether the operator has already agreed.

    Raises:
        Refused: Doors would fail, and nobody can be asked.
        click.Abort: The answer was no.
    """
    sentences = [sentence_of(each, "would refuse") for each in receptions if each.fails_somebody]
    if not sentences:
        return
    what = "\n".join(sentences)
    if yes:
        click.echo(f"warning: {what}", err=True)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            what, "Nothing was changed. To do it anyway, run the command again with --yes.", code="doors.fail"
        )
    click.echo(what, err=True)
    click.confirm("serve it anyway?", abort=True, err=True)


def sentence_of(reception: Reception, verb: str) -> str:
    """Which doors fail TLS with a release, and what they then do.

    Args:
        reception: How the doors respond to it.
        verb: ``refuse`` for what is served, ``would refuse`` for what may be.
    """
    if not reception.refuse:
        hosts = " ".join(map(str, reception.unanswered))
        return (
            f"{reception.site}: the certificate of release {reception.release} is not for {hosts}. Doors that call it "
            f"{verb} TLS."
        )
    named = ", ".join(reception.refusing)
    doubt = f"\n  {_doors(reception.may_refuse)} more may refuse it" if reception.may_refuse else ""
    more = reception.refuse - len(reception.refusing)
    return (
        f"{reception.site}: {reception.refuse} of {_doors(reception.devices)} {verb} {_served(reception)}. Each "
        "fails TLS once, fetches the new anchor by itself, and comes back.\n"
        f"  {named}{f' and {more} more' if more > 0 else ''}{doubt}"
    )


def _served(reception: Reception) -> str:
    return f"release {reception.release}" if reception.release else "a chain under a new root"


def _doors(count: int) -> str:
    return "1 door" if count == 1 else f"{count} doors"
