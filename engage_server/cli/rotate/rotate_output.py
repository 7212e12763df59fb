"""How a rotation is shown."""

import click

from engage_server.cli.output import console, counted, print_wrapped
from engage_server.cli.program import unbroken
from engage_server.cli.rotate.adoption_output import print_adoption
from engage_server.records import Rotation, RotationState
from engage_server.services.rotation.progress import RotationProgress

_STATE_STYLES = {
    RotationState.DONE: "green",
    RotationState.HELD: "bold yellow",
    RotationState.ROLLED_BACK: "bold red",
    RotationState.ABORTED: "red",
}


def print_progress(progress: RotationProgress) -> None:
    """One rotation: its releases as a line, its devices as a bar, and the gate's decision."""
    rotation = progress.rotation
    out = console()
    trials = " (for trials)" if progress.for_trials else ""
    out.print(f"{rotation.site}{trials}: {rotation.way}, ", end="")
    out.print(f"{rotation.state}", style=_STATE_STYLES.get(rotation.state, "cyan"), end="")
    click.echo(f", begun {rotation.started_at:%Y-%m-%d %H:%M} UTC by {rotation.started_by}")
    marks = [
        f"[{rotation.from_release}]" if not rotation.step and rotation.state.is_open else f"{rotation.from_release}"
    ]
    for place, number in enumerate(rotation.releases, 1):
        marks.append(f"[{number}]" if place == rotation.step and rotation.state.is_open else f"{number}")
    legend = f"   [{rotation.served}] is served now" if rotation.state.is_open else ""
    click.echo(f"  releases {' -> '.join(marks)}{legend}")
    if not rotation.state.is_open:
        click.echo(f"  served today: release {progress.current}")
    if progress.adoption is not None:
        print_adoption(progress.adoption)
        _print_clock(rotation)
        _print_limit(rotation, progress.adoption.devices)
    if rotation.why:
        print_wrapped(f"  why: {rotation.why}", "    ")
    if progress.decision is not None and progress.decision.why != rotation.why:
        print_wrapped(f"  gate: {progress.decision.verdict}: {progress.decision.why}", "    ")
    if progress.path_sentence:
        print_wrapped(f"  path: {unbroken(progress.path_sentence)}", "    ")
    print_approvals(rotation)
    _print_second_person(progress)


def print_approvals(rotation: Rotation) -> None:
    """Who has approved which of a rotation's steps, and who did it without a second person."""
    for each in rotation.approvals:
        is_step = each.step < len(rotation.releases)
        what = f"release {rotation.releases[each.step]}" if is_step else "the end"
        how = "approved alone: " if each.is_alone else "approved: "
        console().print(f"  {how}", style="bold yellow" if each.is_alone else "", end="")
        said = f"{what} by {each.person}, {each.at:%Y-%m-%d %H:%M} UTC: {each.reason}"
        print_wrapped(said, "    ", already=len(how) + 2)


def _print_second_person(progress: RotationProgress) -> None:
    """Who still has to approve the next step, unless the gate's reason says it."""
    second, decision = progress.second, progress.decision
    if second is None or second.count.is_enough or decision is None:
        return
    if second.sentence not in (decision.why, progress.rotation.why):
        print_wrapped(f"  second person: {second.sentence}", "    ")


def _print_limit(rotation: Rotation, devices: int) -> None:
    """A site that is smaller than the limit never loses more than it allows."""
    limit = rotation.policy.lost.larger(devices)
    if rotation.state.is_open and 0 < devices <= limit:
        click.echo(f"  never rolls back by itself: that takes more than {counted(limit, 'lost device')}")


def _print_clock(rotation: Rotation) -> None:
    if rotation.step and rotation.state.is_open:
        served, least = rotation.soaked_seconds / 3600, rotation.policy.soak_hours
        click.echo(f"  served for {served:.1f} h of at least {least:g} h, as far as the gate has watched")
