"""``engage link``: the paths to sites, and what links reported of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import click

from engage_server.as_json.checkup import checks_json
from engage_server.as_json.paths import link_json, path_event_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import console, json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.parameters import all_sites_option
from engage_server.cli.program import pasteable, program
from engage_server.cli.session import Session
from engage_server.errors import EngageError, NotFound, StoreNotUsable, UsageError
from engage_server.links.checkup import check_links
from engage_server.links.commands.policy.policy_command import policy
from engage_server.links.commands.polling.poll_standings import accounts_of_links, check_polls, poll_json
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.sim.checkup import call_accounts
from engage_server.links.sim.polling.standing import PollStanding
from engage_server.records import LinkStanding, StoredPathEvent
from engage_server.services.access.permissions import Act
from engage_server.services.installation.checkup import Check, Level, worst
from engage_server.services.site_path.paths import LinkReport
from engage_server.services.site_path.standing import PathState, link_path
from engage_server.services.site_path.words import mend_of

_STYLES = {PathState.OK: "green", PathState.DEGRADED: "yellow", PathState.CUT: "bold red", PathState.UNKNOWN: "dim"}
_WORST_FIRST = (PathState.CUT, PathState.DEGRADED, PathState.UNKNOWN, PathState.OK)
_LEVELS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_ROLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_HONEST = "A link reports about the path to a site. It proves nothing about a door."


@click.group(cls=OrderedGroup, order=("list", "show", "events", "check", "policy", "role"))
def link() -> None:
    """Links: what reports about the path to a site.

    A link is a SIM operator's portal, or the portal of an industrial router. It reports about the path to a site. It
    proves nothing about a door.
    """


@link.command(
    "list", acts=[Act.LINK_SEE], epilog="\b\nExamples:\n  engage link list\n  engage link list --site depot --json"
)
@all_sites_option
@json_option
@click.pass_obj
def list_links(session: Session, site: str | None, as_json: bool) -> int:
    """List all links, the worst first, with their paths.

    ok: something came over it lately. degraded: it is silent for three times as long as expected, or a partner says so.
    cut: a partner says so. unknown: nothing is known.

    Exit status 1 when a path is cut.
    """
    file = _links_file(session)
    reports, accounts = _reports(session, site, file), accounts_of_links(session, file)
    if as_json:
        print_json([_link_json(each, accounts) for each in reports])
    else:
        rows = [_row(each) for each in reports]
        print_table(["link", "site", "partner", "path", "since (UTC)", "said by"], rows, "there is no link")
        for words in sorted({standing.in_words() for standing in accounts.values()}):
            print_wrapped(words, "  ")
        print_next(_next_of(reports))
    return int(any(each.path.state is PathState.CUT for each in reports))


@link.command(acts=[Act.LINK_SEE], epilog="\b\nExample:\n  engage link show depot-kpn")
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> int:
    """Show one link with its newest events. Exit status 1 when its path is cut."""
    file = _links_file(session)
    report = next((each for each in _reports(session, None, file) if each.standing.link == name), None)
    if report is None:
        raise NotFound(f"there is no link '{name}'", "List them: engage link list", code="link.not_found")
    events = session.operator_side().paths.events(link=name, limit=10)
    accounts = accounts_of_links(session, file)
    if as_json:
        print_json(_link_json(report, accounts) | {"events": [path_event_json(each) for each in events]})
        return int(report.path.state is PathState.CUT)
    standing, path = report.standing, report.path
    console().print(f"{name}: path {path.state}", style=_STYLES[path.state])
    expected = f"every {standing.expects_seconds / 60:g} minutes" if standing.expects_seconds else "not said"
    for label, text in (
        ("site", standing.site),
        ("partner", standing.partner or "not registered"),
        ("since", _shown(path.since)),
        ("said by", path.said_by or "nothing"),
        ("last worked", _shown(standing.works_at)),
        ("expected", expected),
    ):
        click.echo(f"  {label:<12} {text}")
    if name in accounts:
        print_wrapped(accounts[name].in_words(), "  ")
    if events:
        _print_events(events)
    print_wrapped(_HONEST, "")
    print_next(f"{program()} link events --link {name}")
    return int(path.state is PathState.CUT)


@link.command(
    acts=[Act.LINK_SEE],
    epilog="\b\nExamples:\n  engage link events --site depot\n  engage link events --hours 24 --json",
)
@all_sites_option
@click.option("--link", "name", metavar="NAME", help="Only this link. [default: all links]")
@click.option("--hours", type=click.FloatRange(0, 24 * 3650), metavar="N", help="Only of the last N hours.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most this many.")
@json_option
@click.pass_obj
def events(
    session: Session, site: str | None, name: str | None, hours: float | None, limit: int, as_json: bool
) -> None:
    """Show what links reported, newest first."""
    since = None if hours is None else session.now() - timedelta(hours=hours)
    found = session.operator_side().paths.events(site=site, link=name, since=since, limit=limit)
    if as_json:
        print_json([path_event_json(each) for each in found])
        return
    if not found:
        click.echo("no link reported anything")
    else:
        _print_events(found)
    print_next(f"{program()} link list")


@link.command(
    acts=[Act.LINK_CHECK],
    epilog="\b\nExamples:\n  engage link check\n  engage link check --call\n  engage link check --json",
)
@click.option("--call", is_flag=True, help="Also ask each operator of SIMs for a token and its first SIMs.")
@json_option
@click.pass_obj
def check(session: Session, call: bool, as_json: bool) -> int:
    """Check links.toml, its certificates, and the ingress.

    It connects to each host of the file. Without --call, it connects to nothing else. Exit status 1 when there is a
    problem. With warnings alone it is 0.
    """
    found: list[Check] = []
    file = _readable_file(session)
    of_file = check_links(session.settings(), _site_names(session), session.now())
    called = call_accounts(file) if call and file is not None else ()
    for each in chain(of_file, check_polls(session, file), called):
        found.append(each)
        if not as_json:
            _print_check(each)
    level = worst(found)
    if as_json:
        print_json(checks_json(found, level))
    elif level is not Level.PROBLEM:
        print_next(f"{program()} link list")
    return int(level is Level.PROBLEM)


@link.command(cls=click.Command, epilog="\b\nExample:\n  engage link role engage_links | psql engage")
@click.argument("name", metavar="NAME", default="engage_links")
def role(name: str) -> None:
    """Print the SQL of the ingress's database role.

    With PostgreSQL, the ingress may have a role that adds events, reads the link tables, and moves a message to
    delivered. It also takes turns in polling. It can do nothing else. Run the statements as the owner of the database.
    Then give the role a password, and put its URL into the setting links_database_url.
    """
    from engage_server.composition.links.store import role_sql

    if not _ROLE_NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be a role's name here",
            "Use lower-case letters, digits and _, and begin with a letter: engage link role engage_links",
            code="role.invalid",
        )
    click.echo("\n".join(role_sql(name)))


link.add_command(policy)


def _reports(session: Session, site: str | None, file: LinksFile | None) -> list[LinkReport]:
    """Each link that reported, and each that only the file has."""
    side, now = session.operator_side(), session.now()
    if site is not None:
        side.sites.get(site)
    reports = {each.standing.link: each for each in side.paths.links(now, site)}
    for each in file.links.values() if file is not None else ():
        known = reports[each.name].standing if each.name in reports else LinkStanding(each.name, each.site)
        if not known.partner and site in (None, each.site):  # it may have reported before it was registered
            expects = round(60 * (each.expects_every_minutes or 0))
            standing = replace(known, partner=each.partner, expects_seconds=expects)
            reports[each.name] = LinkReport(standing, link_path(standing, now))
    return sorted(reports.values(), key=lambda each: (_WORST_FIRST.index(each.path.state), each.standing.link))


def _next_of(reports: Sequence[LinkReport]) -> str:
    """What ends the worst trouble; of a link without trouble, how to look at it."""
    if not reports:
        return f"{program()} link check"
    first = reports[0]
    if first.path.state in (PathState.CUT, PathState.DEGRADED):
        return mend_of(first.path, first.standing.site)
    return f"{program()} link show {first.standing.link}"


def _links_file(session: Session) -> LinksFile | None:
    settings = session.settings()
    if not settings.links_file.exists():
        return None
    return read_links_file(settings.links_file, settings.links_bind, settings.links_port)


def _readable_file(session: Session) -> LinksFile | None:
    """The file, if nothing is wrong with it: the checks say what is."""
    with suppress(EngageError):
        return _links_file(session)
    return None


def _link_json(report: LinkReport, accounts: Mapping[str, PollStanding]) -> dict[str, Any]:
    """A link, and how the poll of its account stands, if it is polled."""
    standing = accounts.get(report.standing.link)
    return {**link_json(report), **({"account": poll_json(standing)} if standing is not None else {})}


def _site_names(session: Session) -> Collection[str] | None:
    with suppress(StoreNotUsable):
        return [each.name for each in session.operator_side().sites.all()]
    return None


def _row(report: LinkReport) -> tuple[str, ...]:
    standing, path = report.standing, report.path
    return standing.link, standing.site, standing.partner, path.state.value, _shown(path.since), path.said_by


def _shown(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"


def _print_events(found: Collection[StoredPathEvent]) -> None:
    rows = [
        (
            f"{each.event.at:%Y-%m-%d %H:%M:%S}",
            each.event.site,
            each.event.link,
            each.event.kind,
            each.event.says,
            " ".join(f"{name}={text}" for name, text in each.event.detail.items()),
        )
        for each in found
    ]
    print_table(["time (UTC)", "site", "link", "what", "path", "detail"], rows, "no event")


def _print_check(each: Check) -> None:
    console().print(f"{each.level:<8}", style=_LEVELS[each.level], end="")
    print_wrapped(f"{each.name:<22} {each.sentence}", " " * 31, already=8)
    if each.next_step:
        click.echo(f"{'':<31}next: {pasteable(each.next_step)}")
