"""``engage rotate``."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from engage_server.as_json.plans import plan_json
from engage_server.as_json.rotation import no_network_warning, progress_by_night_json, progress_json
from engage_server.cli.failing_doors import assert_wanted, warn_of_other_hosts, yes_option
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.new_hosts import warn_of_new_hosts
from engage_server.cli.output import json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import (
    HIGHEST_NUMBER,
    FilePath,
    all_sites_option,
    read_passphrase_option,
    site_option,
)
from engage_server.cli.program import program
from engage_server.cli.rotate.nights_output import print_nights
from engage_server.cli.rotate.plan_output import print_plan, print_ways
from engage_server.cli.rotate.rotate_output import print_progress
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.cli.watching import watch, watch_option
from engage_server.composition.operator_side import OperatorSide
from engage_server.records import GatePolicy, Limit, Rotation, RotationState, RotationWay
from engage_server.services.access.approvals import Candidate
from engage_server.services.access.permissions import Act
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.rotation.request import RotationWish

_WAYS = [str(way) for way in RotationWay]

authority_option = click.option(
    "--authority", type=FilePath, metavar="DIR", help="Where the CAs' keys are. [default: setting certs_dir]"
)
passphrase_option = click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Opens the CAs' keys, and encrypts new ones. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)


@click.group(
    cls=OrderedGroup,
    order=(
        "plan",
        "start",
        "status",
        "approve",
        "abort",
    ),
)
def rotate() -> None:
    """Rotation: replace the chain that is served, step by step.

    'plan' shows what is due and which ways there are to rotate. 'start' begins one way. Between its steps, a gate
    counts the devices that came through. The operators' instance takes the next steps by itself.
    """


@rotate.command(
    acts=[Act.ROTATION_PLAN],
    epilog="\b\nExamples:\n  engage rotate plan --site main\n"
    "  engage rotate plan --way linked-rekey\n      its steps, and what devices notice\n"
    "  engage rotate plan --json",
)
@site_option
@click.option("--way", type=click.Choice(_WAYS), help="Show this way in detail, with its steps.")
@click.option("--verbose", is_flag=True, help="Show every way in detail.")
@authority_option
@passphrase_option
@json_option
@click.pass_obj
def plan(
    session: Session,
    site: str | None,
    way: str | None,
    verbose: bool,
    authority: Path | None,
    passphrase_file: str | None,
    as_json: bool,
) -> None:
    """Show what is due, which ways there are, and the safest one.

    Nothing is changed. Every way is tried on a copy of the chain with throwaway keys. The result is validated from the
    point of view of a device with the old anchor, and of one with the new anchor.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    folder = authority or session.settings().certs_dir
    found = operator.rotation_requests.authority(name, folder, read_passphrase_option(session, passphrase_file))
    made = operator.rotations.plan(name, found.at_hand, session.occasion())
    if as_json:
        print_json(plan_json(made))
        return
    print_plan(made)
    print_ways(made, RotationWay if verbose else [RotationWay(way)] if way else [])
    for file in found.locked:
        click.echo(f"{file} is encrypted: --passphrase-file opens it")
    print_next(f"{program()} rotate start --site {name} --way {way or made.recommended or 'WAY'}")


@rotate.command(
    acts=[Act.ROTATION_START],
    epilog="\b\nExamples:\n  engage rotate start --site main --way server-renewal\n"
    "  engage rotate start --site canary --way linked-rekey --wave north,south --wave west\n"
    "  engage rotate start --site main --way cut-over --ask --max-lost 1 --max-lost-percent 0.5\n"
    "  engage rotate start --site main --way root-renewal --prepared /media/stick/main-2027",
)
@site_option
@click.option("--way", type=click.Choice(_WAYS), help="The way. [default: the recommended one]")
@authority_option
@passphrase_option
@click.option("--prepared", type=FilePath, metavar="DIR", help="Chains that 'engage chain renew' built elsewhere.")
@click.option(
    "--wave",
    "waves",
    multiple=True,
    metavar="SITE,...",
    shell_complete=completions.waves,
    help="Sites that follow when this one is done. Repeat it: each wave waits for the one before.",
)
@click.option("--ask", is_flag=True, help="Pause before each step after the first until an operator approves it.")
@click.option(
    "--only-listed", is_flag=True, help="Count only devices on the site's list, so that no other device can delay it."
)
@click.option(
    "--max-missing",
    type=click.IntRange(0, HIGHEST_NUMBER),
    default=0,
    show_default=True,
    help="How many devices may be missing at a step.",
)
@click.option(
    "--max-missing-percent",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="The same in percent. Both must hold.",
)
@click.option(
    "--max-lost",
    type=click.IntRange(0, HIGHEST_NUMBER),
    default=2,
    show_default=True,
    help="With more lost devices than this, the rotation rolls back.",
)
@click.option(
    "--max-lost-percent",
    type=click.FloatRange(0, 100),
    default=2.0,
    show_default=True,
    help="The same in percent. It rolls back when both are exceeded.",
)
@click.option(
    "--soak-hours",
    type=click.FloatRange(0, 8760),
    default=24.0,
    show_default=True,
    help="The shortest time that each step lasts, in hours.",
)
@yes_option
@json_option
@click.pass_obj
def start(
    session: Session,
    site: str | None,
    way: str | None,
    authority: Path | None,
    passphrase_file: str | None,
    prepared: Path | None,
    waves: tuple[str, ...],
    ask: bool,
    only_listed: bool,
    max_missing: int,
    max_missing_percent: float,
    max_lost: int,
    max_lost_percent: float,
    soak_hours: float,
    yes: bool,
    as_json: bool,
) -> None:
    """Begin a rotation, or continue one.

    Chains are built, validated and staged. Then the first one is served, and the gate watches. A device is lost when it
    refuses TLS from its usual address, or has missed its own habit. With more lost devices than the limit, the rotation
    rolls back by itself. Calls from other addresses can only make the rotation pause.

    With several sites, nothing begins before all of them are ready. A cut-over asks first, because every door fails TLS
    once. Without a terminal and without --yes, it then changes nothing and ends with status 1.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    passphrase = read_passphrase_option(session, passphrase_file)
    missing, lost = Limit(max_missing, max_missing_percent), Limit(max_lost, max_lost_percent)
    policy = GatePolicy(missing, lost, soak_hours, ask, only_listed)
    certs = session.settings().certs_dir
    wish = RotationWish(RotationWay(way) if way else None, prepared, passphrase, policy)
    order = [(name,), *(_names(operator, wave) for wave in waves)]
    requests = operator.rotation_requests.of_waves(order, wish, authority or certs, certs, session.occasion())
    _ask_before_cut_overs(session, operator, requests, yes=yes)
    for request in requests:
        _warn_of_strangers(operator, request.site)
        if operator.rotations.open_rotation(request.site) is None:
            others = operator.evidence.callers_of_other_hosts(operator.sites.get(request.site), session.now())
            warn_of_other_hosts(request.site, others)
        echo = partial(_echo, f"{request.site}: " if waves else "", as_json=as_json)
        operator.rotations.start(request, session.occasion(), echo)
        warn_of_new_hosts(operator, request.site)
    if as_json:
        _print_newest(session, operator, [request.site for request in requests])
        return
    _print_where(session, operator, name)


@rotate.command(
    acts=[Act.ROTATION_SEE],
    epilog="\b\nExamples:\n  engage rotate status\n  engage rotate status --watch\n"
    "  engage rotate status --nights\n  engage rotate status --site main --json",
)
@all_sites_option
@click.option("--nights", "by_night", is_flag=True, help="Show how many doors had come through by each night.")
@watch_option
@json_option
@click.pass_obj
def status(session: Session, site: str | None, by_night: bool, watching: bool, as_json: bool) -> None:
    """Show how far rotations are, and what they wait for."""
    operator = session.operator_side()
    if site is not None:
        operator.sites.get(site)
    if watching:
        watch(lambda: _report(session, operator, site, by_night=by_night, as_json=False), as_json=as_json)
    _report(session, operator, site, by_night=by_night, as_json=as_json)


def _report(session: Session, operator: OperatorSide, site: str | None, *, by_night: bool, as_json: bool) -> None:
    """Look once, and print what is found."""
    occasion = session.occasion()
    newest: dict[str, Rotation] = {each.site: each for each in operator.rotations.all(site)}
    found = [operator.rotations.progress(each, occasion) for each in newest.values()]
    answers = [operator.held_anchors.advice(name, occasion.now) for name in newest]
    nights = {name: operator.adoption_nights.of_site(name, occasion.now) for name in (newest if by_night else ())}
    if as_json:
        told = [progress_json(each, program(), advice) for each, advice in zip(found, answers, strict=True)]
        print_json([progress_by_night_json(each, nights[each["site"]]) for each in told] if by_night else told)
        return
    for each, advice in zip(found, answers, strict=True):
        print_progress(each)
        print_nights(nights.get(each.rotation.site))
        if advice is not None:
            print_wrapped(f"  {advice.sentence}", "    ")
    if not found:
        click.echo("there was no rotation yet")
    going_on = [each.rotation for each in found if each.rotation.state.is_open]
    if going_on:
        print_next(*_next_of(going_on[0]))
    else:
        sites = [each.rotation.site for each in found] or [each.name for each in operator.sites.all()]
        print_next(f"{program()} rotate plan --site {sites[0]}" if sites else f"{program()} init")


@rotate.command(
    acts=[Act.ROTATION_APPROVE],
    needs_reason=True,
    epilog='\b\nExamples:\n  engage rotate approve --site main --reason "the two on floor 3 have no battery"\n'
    '  engage rotate approve --site main --alone --reason "nobody else is there, and the chain ends today"',
)
@site_option
@click.option("--alone", is_flag=True, help="Do without the second person that the site needs. The audit log says so.")
@yes_option
@json_option
@click.pass_obj
def approve(session: Session, site: str | None, alone: bool, yes: bool, as_json: bool) -> None:
    """Approve the next step, whatever the gate says.

    A site may need a second person where a step can cut devices off (engage site change --approvals 1). Who started
    the rotation cannot approve such a step. Nor can root without sudo, which is nobody in particular. The command says
    who still has to.

    The audit log keeps your name and the reason. If doors would refuse the next release, the command asks first.
    Without a terminal and without --yes, it then changes nothing and ends with status 1.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    going_on = operator.rotations.open_rotation(name)
    if going_on is not None and going_on.next_release is not None:
        assert_wanted([operator.held_anchors.reception(name, going_on.next_release, session.now())], yes=yes)
    occasion = session.occasion()
    candidate = Candidate(session.acting(), alone)
    operator.rotations.approve(name, session.reason, occasion, partial(click.echo, err=as_json), candidate)
    if as_json:
        _print_newest(session, operator, [name])
        return
    _print_where(session, operator, name)


@rotate.command(
    acts=[Act.ROTATION_ABORT],
    epilog='\b\nExample:\n  engage rotate abort --site main --reason "the readers do not come through"',
)
@site_option
@click.option("--keep", is_flag=True, help="End the rotation, but continue to serve what is served now.")
@json_option
@click.pass_obj
def abort(session: Session, site: str | None, keep: bool, as_json: bool) -> None:
    """End a rotation, and go back to where it began."""
    operator = session.operator_side()
    name = operator.sites.get(site).name
    back_to = operator.rotations.back_to(name)
    if back_to is not None and not keep:
        assert_wanted([operator.held_anchors.reception(name, back_to, session.now())], yes=True)  # a warning alone
    ended = operator.rotations.abort(name, session.reason, session.occasion(), keep=keep)
    if as_json:
        _print_newest(session, operator, [name])
        return
    served = operator.releases.current(name)
    click.echo(f"the rotation of {name} has ended: {ended.state}; release {served} is current")
    print_next(f"{program()} device list --site {name} --troubled")


def _ask_before_cut_overs(
    session: Session, operator: OperatorSide, requests: Sequence[RotationRequest], *, yes: bool
) -> None:
    cut_over = [each.site for each in requests if each.way is RotationWay.CUT_OVER]
    going_on = [operator.rotations.open_rotation(site) for site in cut_over]
    begun = [rotation.site for rotation in going_on if rotation is not None and rotation.step]
    found = [operator.held_anchors.of_new_root(site, session.now()) for site in cut_over if site not in begun]
    assert_wanted([each for each in found if each is not None], yes=yes)


def _names(operator: OperatorSide, wave: str) -> tuple[str, ...]:
    return tuple(operator.sites.get(each.strip()).name for each in wave.split(",") if each.strip())


def _warn_of_strangers(operator: OperatorSide, site: str) -> None:
    if not operator.sites.get(site).device_networks:
        warning = no_network_warning(site, program())
        click.echo(f"warning: {warning['sentence']}. Name their network: {warning['next']}", err=True)


def _echo(begin: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(begin + sentence, err=True)  # standard output holds one document
    else:
        print_wrapped(begin + sentence, "  ")


def _print_newest(session: Session, operator: OperatorSide, sites: Sequence[str]) -> None:
    """The newest rotation of each site, in the form of 'rotate status'."""
    occasion = session.occasion()
    found = [operator.rotations.progress(operator.rotations.all(site)[-1], occasion) for site in sites]
    answers = [operator.held_anchors.advice(site, occasion.now) for site in sites]
    print_json([progress_json(each, program(), advice) for each, advice in zip(found, answers, strict=True)])


def _print_where(session: Session, operator: OperatorSide, site: str) -> None:
    newest = operator.rotations.all(site)[-1]
    print_progress(operator.rotations.progress(newest, session.occasion()))
    if newest.state is RotationState.DONE:
        advice = operator.held_anchors.advice(site, session.now())
        if advice is not None:
            print_wrapped(f"  {advice.sentence}", "    ")
        is_safe = advice is not None and advice.is_safe and newest.from_release in advice.releases
        retire = f"{program()} release retire {newest.from_release} --site {site}"
        print_next(retire if is_safe else f"{program()} device list --site {site} --missing")
    elif newest.state.is_open:
        print_next(*_next_of(newest))
    else:
        print_next(f"{program()} rotate plan --site {site}")


def _next_of(rotation: Rotation) -> tuple[str, str]:
    """What to do about a rotation that has not ended, and the way back."""
    command, site = f"{program()} rotate", rotation.site
    back = f"to go back: {command} abort --site {site}"
    if rotation.state is RotationState.HELD:
        return f'to approve: {command} approve --site {site} --reason "..."', back
    if rotation.state is RotationState.PREPARING:
        return f"to continue: {command} start --site {site}", back
    return f"{program()} device list --site {site} --release {rotation.served} --missing", back
