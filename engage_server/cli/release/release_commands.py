"""``engage release``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.releases import checked_release_json, confirmation_json, release_json
from engage_server.cli.byte_bar import print_budget
from engage_server.cli.failing_doors import assert_wanted, warn_of_other_hosts, yes_option
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import (
    json_option,
    print_json,
    print_next,
    print_table,
    trials_mark,
)
from engage_server.cli.parameters import (
    FilePath,
    all_sites_option,
    read_passphrase_option,
    release_argument,
    site_option,
)
from engage_server.cli.program import program
from engage_server.cli.release.compare_command import compare_releases
from engage_server.cli.release.confirmation import print_confirmation, wait_for_site, wait_options
from engage_server.cli.release.drop_command import drop_release
from engage_server.cli.release.key_files import retired_owners
from engage_server.cli.release.release_output import day, print_findings, state_words
from engage_server.cli.release.retire_command import retire_release
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.cli.standard_input import assert_one_reader, read_standard_input
from engage_server.errors import UsageError
from engage_server.pki.byte_budget import measure
from engage_server.pki.names import display_name
from engage_server.protocol.notice import HTTP_PORT
from engage_server.records import Release, ReleaseState, Site
from engage_server.services.access.permissions import Act
from engage_server.services.chains.material import read_material
from engage_server.services.installation.release_acts import release_acts
from engage_server.services.releases.checked_release import CheckedRelease
from engage_server.services.releases.lifecycle import chain_of

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_STATES = """\b
staged   checked and kept, never served
current  served now
former   no longer served; you can go back to it (in JSON: retired)
retired  no longer served, and its private key is destroyed in the database

\b
Example:
  engage release list --site main --json
"""
_HTTPS_PORT = 443  # what 'lock fetch' calls unless it is given another one


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "show",
        "compare",
        "stage",
        "activate",
        "rollback",
        "retire",
        "drop",
    ),
)
def release() -> None:
    """Releases: the anchor, chain and key that a site serves as one unit."""


@release.command(
    acts=[Act.RELEASE_STAGE],
    epilog="\b\nExamples:\n  engage release stage certs/main --site main\n"
    "  engage release stage fullchain.pem privkey.pem root.pem\n      the files of an ACME client, and the CA's root\n"
    "  engage release stage export.pfx --passphrase-file pfx.passphrase\n"
    '  cat fullchain.pem root.pem privkey.pem | engage release stage - --reason "renewed by pipeline 812"',
)
@click.argument("targets", type=FilePath, nargs=-1, required=True, metavar="TARGET...")
@site_option
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="For PKCS#12 and an encrypted key. - reads standard input.",
)
@json_option
@click.pass_obj
def stage(
    session: Session,
    targets: tuple[Path, ...],
    site: str | None,
    passphrase_file: str | None,
    as_json: bool,
) -> int:
    """Check a chain and keep it as the site's next release.

    Nothing is served before 'engage release activate'. A target is a folder or file that 'engage chain check' accepts,
    or - for standard input. Several files together are one chain. The root and the private key must be among them. The
    key is sealed.

    Exit status 1 when a finding of severity error keeps the release from being activated.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    assert_one_reader([*map(str, targets), passphrase_file])
    passphrase = read_passphrase_option(session, passphrase_file)
    material = read_material(targets, passphrase, read_standard_input)
    checked = operator.releases.stage(material, name, session.occasion())
    retired = retired_owners(operator, checked.release)
    for each in retired:
        click.echo(
            f"warning: this is the private key of release {each.number} of {each.site}, which is retired for good. "
            f"Build a chain with a new key instead: {program()} chain build --help",
            err=True,
        )
    if as_json:
        print_json(checked_release_json(checked) | {"key_of_retired": [release_json(each) for each in retired]})
    else:
        print_findings(checked)
        click.echo(f"staged release {checked.release.number} of {name}")
        if checked.errors:
            print_next("build a chain without the errors above, and stage it. This release cannot be activated")
            drop = f"{program()} release drop {checked.release.number} --site {name}"
            click.echo(f"      to remove it: {drop}")
        else:
            print_next(f"{program()} release activate {checked.release.number} --site {name}")
    return 1 if checked.errors else 0


@release.command("list", acts=[Act.RELEASE_SEE], epilog=_STATES)
@all_sites_option
@json_option
@click.pass_obj
def list_releases(session: Session, site: str | None, as_json: bool) -> None:
    """List the releases of all sites, or of one."""
    operator = session.operator_side()
    found = operator.releases.all(site)
    sites = {each.name: each for each in operator.sites.all()}
    if as_json:
        print_json([release_json(each) | {"for_trials": sites[each.site].for_trials} for each in found])
        return
    rows = [
        (
            f"{each.site}{trials_mark(sites[each.site])}",
            each.number,
            state_words(each),
            day(each.staged_at),
            day(each.activated_at),
            day(each.retired_at),
        )
        for each in found
    ]
    print_table(["site", "release", "state", "staged", "activated", "served until"], rows, "there is no release yet")
    for name in dict.fromkeys(each.site for each in found):
        advice = operator.held_anchors.advice(name, session.now())
        if advice is not None:
            click.echo(f"{name}: {advice.sentence}")
    print_next(_next_of_list(found, site, sites))


def _next_of_list(found: Sequence[Release], site: str | None, sites: Mapping[str, Site]) -> str:
    """Show what is served first; where nothing is there, stage something."""
    if found:
        shown = next((each for each in found if each.state is ReleaseState.CURRENT), found[-1])
        return f"{program()} release show {shown.number} --site {shown.site}"
    if not sites:
        return f"{program()} init"
    name = site or next((each.name for each in sites.values() if each.is_default), min(sites))
    return f"{program()} release stage DIR --site {name}"


@release.command(acts=[Act.RELEASE_SEE], epilog="\b\nExample:\n  engage release show 2 --site main")
@release_argument
@site_option
@json_option
@click.pass_obj
def show(session: Session, number: int, site: str | None, as_json: bool) -> None:
    """Show a release: certificates, bytes and today's findings."""
    operator = session.operator_side()
    name = operator.sites.get(site).name
    checked = operator.releases.check(name, number, session.occasion())
    if as_json:
        print_json(checked_release_json(checked))
        return
    chain = chain_of(checked.release)
    click.echo(f"release {number} of {name}: {state_words(checked.release)}")
    click.echo(f"hash of its anchor: {checked.release.anchor_hash}")
    _print_acts(operator, checked.release)
    for certificate in chain:
        until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        click.echo(f"{chain.role_of(certificate):<13} {display_name(certificate.subject)}, valid until {until}")
    print_budget(measure(chain))
    print_findings(checked)
    print_next(f"{program()} release list --site {name}")


def _print_acts(operator: "OperatorSide", of: Release) -> None:
    """When it was staged and last served, and by whom, as far as the audit log says."""
    acts = release_acts(operator.audit, of.site, [of])[of.number]
    for what, at, who in (("staged", of.staged_at, acts.staged_by), ("activated", of.activated_at, acts.served_by)):
        if at is not None:
            click.echo(f"{what} {at:%Y-%m-%d %H:%M} UTC{f' by {who}' if who else ''}")


override_option = click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="CODE=REASON",
    help="Accept one error by its code. The audit log keeps the reason. Repeat it for each.",
)


@release.command(
    acts=[Act.RELEASE_ACTIVATE],
    epilog="\b\nExamples:\n  engage release activate 2 --site main\n"
    "  engage release activate 2 --wait\n      returns when every worker serves it\n"
    '  engage release activate 2 --override "chain.too_long=only RU devices here, they hold 8 KiB"',
)
@release_argument
@site_option
@override_option
@yes_option
@wait_options
@json_option
@click.pass_obj
def activate(
    session: Session,
    number: int,
    site: str | None,
    overrides: tuple[str, ...],
    yes: bool,
    wait: bool,
    wait_seconds: float,
    as_json: bool,
) -> int:
    """Serve this release from now on.

    Every worker follows within two seconds, and nothing restarts. With --wait, the command returns when each worker has
    reported that it serves the release. If some have not, it names them and ends with status 1. A worker that went
    silent without a sign-off counts, too: see engage host list.

    If doors would refuse the release because they hold another anchor, the command asks first. Without a terminal and
    without --yes, it then changes nothing and ends with status 1.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    _ask_where_doors_fail(session, operator, name, number, yes=yes)
    checked = operator.releases.activate(name, number, _read_overrides(overrides), session.occasion())
    return _reported(session, operator, checked, f"release {number} of {name} is current", wait, wait_seconds, as_json)


@release.command(
    acts=[Act.RELEASE_ROLL_BACK],
    epilog="\b\nExamples:\n  engage release rollback --site main --wait\n"
    '  engage release rollback --reason "readers on floor 3 stay dark"',
)
@site_option
@override_option
@yes_option
@wait_options
@json_option
@click.pass_obj
def rollback(
    session: Session,
    site: str | None,
    overrides: tuple[str, ...],
    yes: bool,
    wait: bool,
    wait_seconds: float,
    as_json: bool,
) -> int:
    """Serve the previous release again.

    A second rollback goes back one more release. The release is checked again: an expired one does not go live.

    If doors would refuse that release because they hold another anchor, the command asks first. Without a terminal and
    without --yes, it then changes nothing and ends with status 1.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    before = operator.releases.before(name)
    if before is not None:
        _ask_where_doors_fail(session, operator, name, before, yes=yes)
    checked = operator.releases.roll_back(name, _read_overrides(overrides), session.reason, session.occasion())
    sentence = f"release {checked.release.number} of {name} is current again"
    return _reported(session, operator, checked, sentence, wait, wait_seconds, as_json)


release.add_command(compare_releases)
release.add_command(retire_release)
release.add_command(drop_release)


def _ask_where_doors_fail(session: Session, operator: "OperatorSide", site: str, number: int, *, yes: bool) -> None:
    if operator.releases.current(site) != number:
        others = operator.held_anchors.callers_left_out(site, number, session.now())
        warn_of_other_hosts(site, others, f"the certificate of release {number}")
        assert_wanted([operator.held_anchors.reception(site, number, session.now())], yes=yes)


def _reported(
    session: Session,
    operator: "OperatorSide",
    checked: CheckedRelease,
    sentence: str,
    wait: bool,
    wait_seconds: float,
    as_json: bool,
) -> int:
    site = checked.release.site
    confirmation = wait_for_site(operator, site, wait_seconds, quiet=as_json) if wait else None
    is_missing = confirmation is not None and not confirmation.is_complete
    if as_json:
        workers = {} if confirmation is None else {"workers": confirmation_json(confirmation)}
        print_json(checked_release_json(checked) | workers)
        return int(is_missing)
    print_findings(checked)
    click.echo(sentence)
    if confirmation is not None:
        print_confirmation(confirmation, site)
    if confirmation is not None and confirmation.silent:
        print_next(f"check whether they run. To drop a host that is gone for good: {program()} host list")
    elif is_missing:
        print_next(f"read the logs of the workers above. To go back: {program()} release rollback --site {site}")
    else:
        print_next(f"{_fetch(session, operator, site)} shows it as a device sees it")

    return int(is_missing)


def _read_overrides(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        code, equals, reason = text.partition("=")
        if not equals:
            raise UsageError(f"--override {text!r} has no reason", "Write --override CODE=REASON.")
        found[code.strip()] = reason.strip()
    return found


def _fetch(session: Session, operator: "OperatorSide", site: str) -> str:
    """The command that calls a site as its devices do."""
    settings, host = session.settings(), operator.sites.get(site).hosts[0]
    http = f":{settings.http_port}" if settings.http_port != HTTP_PORT else ""
    https = f" --https-port {settings.https_port}" if settings.https_port != _HTTPS_PORT else ""
    return f"{program()} lock fetch http://{host.in_url}{http}{https} --site {site}"
