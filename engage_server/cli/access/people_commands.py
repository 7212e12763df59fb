"""``engage people``."""

import click

from engage_server.as_json.access import person_json
from engage_server.cli.access.grant_options import grant_options, read_grant, shown_sites
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.composition.openid.terms_file import is_set, stored_subject
from engage_server.composition.operators_listener import address, is_answering
from engage_server.errors import UsageError
from engage_server.services.access.people import LINK_GOOD_FOR
from engage_server.services.access.permissions import Act

_MINUTES = LINK_GOOD_FOR.seconds // 60


@click.group(cls=OrderedGroup, order=("add", "list", "reset", "change", "openid", "lock", "remove"))
def people() -> None:
    """People who may sign in on the operators' listener, and their roles.

    This command line needs no role: a shell on this host is stronger than any. What it does is in the audit log.
    """


@people.command(
    acts=[Act.PEOPLE_CHANGE],
    epilog="\b\nExamples:\n  engage people add anna --role admin\n"
    "  engage people add bert --role operator --site depot\n  engage people add carl --role viewer --link",
)
@click.argument("name", metavar="NAME")
@grant_options
@click.option("--openid", "subject", default="", metavar="SUBJECT", help="Who they are at the OpenID provider.")
@click.option("--link", "is_alone", is_flag=True, help="Print the link alone, for scripts.")
@json_option
@click.pass_obj
def add(
    session: Session, name: str, role: str, sites: tuple[str, ...], subject: str, is_alone: bool, as_json: bool
) -> None:
    """Add a person, and print the link to set a password with.

    The link works once, within ten minutes. There is no default password. To make a new link: engage people reset.
    """
    side = session.operator_side()
    stored = stored_subject(session.settings(), subject) if subject else ""
    secret = side.access.people.add(name, read_grant(side, role, sites), session.occasion(), stored)
    _print_link(session, name.strip().lower(), secret, is_alone=is_alone, as_json=as_json)


@people.command(
    "list", acts=[Act.PEOPLE_SEE], epilog="\b\nExamples:\n  engage people list\n  engage people list --json"
)
@json_option
@click.pass_obj
def list_people(session: Session, as_json: bool) -> None:
    """List the people with their roles, and when they came."""
    found = session.operator_side().access.people.all()
    if as_json:
        print_json([person_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.grant.role.value,
            shown_sites(each.grant),
            each.state.value,
            f"{each.seen_at:%Y-%m-%d %H:%M}" if each.seen_at else "never",
        )
        for each in found
    ]
    print_table(["person", "role", "sites", "state", "signed in (UTC)"], rows, "there are no people yet")
    print_next(f"{program()} people add NAME --role admin" if not rows else f"{program()} token list")


@people.command(acts=[Act.PEOPLE_CHANGE], epilog="\b\nExample:\n  engage people reset anna")
@click.argument("name", metavar="NAME")
@click.option("--link", "is_alone", is_flag=True, help="Print the link alone, for scripts.")
@json_option
@click.pass_obj
def reset(session: Session, name: str, is_alone: bool, as_json: bool) -> None:
    """Take a person's password, and print a new link.

    All their sessions end. It also unlocks a person who was locked. Until they use the link, they have no password.
    Somebody who signs in at an OpenID provider can still do so: to prevent that, lock them.
    """
    people = session.operator_side().access.people
    secret = people.reset(name, session.occasion())
    _warn_without_admin(session)
    _print_link(session, people.person(name).name, secret, is_alone=is_alone, as_json=as_json)


@people.command(
    acts=[Act.PEOPLE_CHANGE], epilog="\b\nExample:\n  engage people change bert --role approver --site depot"
)
@click.argument("name", metavar="NAME")
@grant_options
@json_option
@click.pass_obj
def change(session: Session, name: str, role: str, sites: tuple[str, ...], as_json: bool) -> None:
    """Give a person another role.

    Their sessions end. Tokens that they made while signed in are revoked if those may do more than the new role.
    """
    side = session.operator_side()
    side.access.people.change(name, read_grant(side, role, sites), session.occasion(), may_be_last=True)
    _warn_without_admin(session)
    _print_person(session, name, f"changed {name}; their sessions are over", as_json=as_json)


@people.command(
    acts=[Act.PEOPLE_CHANGE],
    epilog="\b\nExamples:\n  engage people openid anna --subject 8f3c2f0e-5d1b\n  engage people openid anna --none",
)
@click.argument("name", metavar="NAME")
@click.option("--subject", metavar="SUBJECT", help="Who they are there: the claim 'sub' of their token.")
@click.option("--none", "is_none", is_flag=True, help="They sign in there no more.")
@json_option
@click.pass_obj
def openid(session: Session, name: str, subject: str | None, is_none: bool, as_json: bool) -> None:
    """Connect a person with who they are at the OpenID provider.

    They may sign in both ways then, and are one person for approvals. Their sessions end. After the next sign-in at the
    provider, their role is that of their groups there.
    """
    if (subject is None) is not is_none:
        raise UsageError("name a subject or --none, and not both", "engage people openid NAME --subject SUBJECT")
    stored = "" if subject is None else stored_subject(session.settings(), subject)
    session.operator_side().access.people.connect(name, stored, session.occasion())
    _print_person(session, name, f"changed {name}; their sessions are over", as_json=as_json)


@people.command(acts=[Act.PEOPLE_CHANGE], epilog="\b\nExample:\n  engage people lock anna")
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def lock(session: Session, name: str, as_json: bool) -> None:
    """End all sessions of a person, and let them sign in no more.

    Tokens that they made while signed in are revoked. To let the person sign in again: engage people reset.
    """
    session.operator_side().access.people.lock(name, session.occasion(), may_be_last=True)
    _warn_without_admin(session)
    _print_person(session, name, f"locked {name}; their sessions are over", as_json=as_json)


@people.command(acts=[Act.PEOPLE_CHANGE], epilog="\b\nExample:\n  engage people remove anna")
@click.argument("name", metavar="NAME")
@sure_option
@json_option
@click.pass_obj
def remove(session: Session, name: str, yes: bool, as_json: bool) -> None:
    """Remove a person, and end all their sessions.

    Tokens that they made while signed in are revoked. The audit log keeps what they did.
    """
    people = session.operator_side().access.people
    person = people.person(name)
    if not yes:
        assert_sure(f"Remove {person.name} ({person.grant.role.value})?")
    people.remove(person.name, session.occasion(), may_be_last=True)
    _warn_without_admin(session)
    if as_json:
        print_json({"person": person.name, "removed": True})
        return
    click.echo(f"removed {person.name}")
    print_next(f"{program()} people list")


def _print_link(session: Session, name: str, secret: str, *, is_alone: bool, as_json: bool) -> None:
    """Print the link. It holds a secret: it goes to standard output, and nowhere else."""
    link = f"{address(session.settings(), by_browser=True)}/sign-in/{secret}"
    if as_json:
        print_json({"person": name, "link": link, "minutes": _MINUTES})
    elif is_alone:
        click.echo(link)
    else:
        click.echo(f"{name} sets a password with this link. It works once, within {_MINUTES} minutes:\n  {link}")
        _warn_if_nothing_answers(session)
        print_next(f"open it in a browser on this machine, or reach its port by ssh -L. Then: {program()} people list")


def _warn_if_nothing_answers(session: Session) -> None:
    """Warn if the link leads nowhere now. The servers may be away, or have another port than the settings say."""
    settings = session.settings()
    if settings.operators_behind_proxy or is_answering(settings):
        return
    click.echo(
        f"warning: nothing answers on port {settings.operators_port} of {settings.operators_bind} now.\n"
        f"next: {program()} serve. If it has --operators-port, set operators_port to that port in the settings file.",
        err=True,
    )


def _print_person(session: Session, name: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(person_json(session.operator_side().access.people.person(name)))
        return
    click.echo(sentence)
    print_next(f"{program()} people list")


def _warn_without_admin(session: Session) -> None:
    """Warn if nobody could sign in while the provider is down. Nothing is refused: root owns the machine."""
    if is_set(session.settings()) and not session.operator_side().access.people.has_local_admin():
        click.echo(
            "warning: no admin has a password now. While the OpenID provider is down, nobody can sign in.\n"
            f"next: {program()} people add NAME --role admin",
            err=True,
        )
