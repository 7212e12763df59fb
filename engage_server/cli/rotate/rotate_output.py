"""Plans and rotations, for people and for scripts."""

from datetime import datetime

import click

from engage_server.cli.output import console, print_table
from engage_server.cli.rotate.adoption_output import print_adoption
from engage_server.pki.byte_budget import ByteBudget
from engage_server.records import Rotation, RotationState
from engage_server.services.rotation.lifecycle import RotationProgress
from engage_server.services.rotation.plan import RotationPlan, WayPlan

_BAR = 40
_STATE_STYLES = {
    RotationState.DONE: "green",
    RotationState.HELD: "bold yellow",
    RotationState.ROLLED_BACK: "bold red",
    RotationState.ABORTED: "red",
}


def print_plan(plan: RotationPlan) -> None:
    """What is due, then each way with its bytes, both views, and what is not known."""
    situation = plan.situation
    click.echo(f"site {situation.site}, release {situation.release}")
    pace = _days(situation.pace.time.days)
    click.echo(f"pace: {pace} for nearly all of its devices to come by ({situation.pace.basis})\n")
    rows = [
        (
            each.role,
            f"{each.not_after:%Y-%m-%d}",
            f"{each.days_left(situation.now):.0f}",
            f"{each.last_safe_start(situation.pace):%Y-%m-%d}",
            "due" if each in plan.due else "",
        )
        for each in plan.expiries
    ]
    print_table(["certificate", "ends", "days left", "last safe day to start", ""], rows, "")
    for host in situation.unanswered:
        click.echo(f"due: release {situation.release} does not answer for {host}; devices that call it refuse TLS")
    for way in plan.ways:
        _print_way(way, plan)


def _print_way(way: WayPlan, plan: RotationPlan) -> None:
    out = console()
    click.echo("")
    out.print(f"{way.way}", style="bold", end="")
    if way.impossible:
        out.print(" not possible", style="red", end="")
        click.echo(f": {way.impossible}")
        return
    if way.way is plan.recommended:
        out.print(" recommended", style="bold green", end="")
    missing = "" if way.key_is_at_hand else f"; the {way.needed_key}'s private key is not here: --authority DIR"
    click.echo(missing)
    _print_bytes("today", plan.today)
    for chain in way.chains:
        _print_bytes(chain.title, chain.budget)
        click.echo(f"    device with the old anchor: {_view(chain.old_refuses, chain.old_until)}")
        click.echo(f"    device with the new anchor: {_view(chain.new_refuses, None)}")
    for number, step in enumerate(way.steps, 1):
        click.echo(f"  {number}. {step}")
    for unknown in way.unknown:
        click.echo(f"  not known: {unknown}")


def _print_bytes(title: str, budget: ByteBudget) -> None:
    used = min(_BAR, round(budget.total * _BAR / budget.limit))
    click.echo(f"  {title:<10} {'#' * used}{'.' * (_BAR - used)} {budget.total} of {budget.limit} bytes")


def _view(refuses: str, until: datetime | None) -> str:
    if refuses:
        return f"refuses it ({refuses}), asks for the new anchor, and comes back"
    return "accepts it" + (f" until {until:%Y-%m-%d}" if until else "")


def print_progress(progress: RotationProgress) -> None:
    """One rotation: its steps as a line, its devices as a bar, and what the gate says."""
    rotation = progress.rotation
    out = console()
    out.print(f"{rotation.site}: {rotation.way}, ", end="")
    out.print(f"{rotation.state}", style=_STATE_STYLES.get(rotation.state, "cyan"), end="")
    click.echo(f", begun {rotation.started_at:%Y-%m-%d %H:%M} UTC by {rotation.started_by}")
    marks = [
        f"[{rotation.from_release}]" if not rotation.step and rotation.state.is_open else f"{rotation.from_release}"
    ]
    for place, number in enumerate(rotation.releases, 1):
        marks.append(f"[{number}]" if place == rotation.step and rotation.state.is_open else f"{number}")
    click.echo(f"  releases {' -> '.join(marks)}")
    if progress.adoption is not None:
        print_adoption(progress.adoption)
        _print_clock(rotation)
    if rotation.why:
        click.echo(f"  why: {rotation.why}")
    if progress.decision is not None and progress.decision.why != rotation.why:
        click.echo(f"  gate: {progress.decision.verdict}: {progress.decision.why}")


def _print_clock(rotation: Rotation) -> None:
    if rotation.step and rotation.state.is_open:
        served, least = rotation.soaked_seconds / 3600, rotation.policy.soak_hours
        click.echo(f"  served for {served:.1f} h of at least {least:g} h, as the looks of the gate add up")


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
