"""How a plan is shown: all ways in a table, and one way in detail."""

from collections.abc import Iterable

import click

from engage_server.cli.output import console, print_table, print_wrapped
from engage_server.pki.byte_budget import ByteBudget
from engage_server.records import RotationWay
from engage_server.services.rotation.planning.plan import RotationPlan, WayPlan
from engage_server.services.rotation.planning.words import WISHES, has_new_anchor, longest, noticed, offered, view

_BAR = 40


def print_plan(plan: RotationPlan) -> None:
    """What is due, then a row for each way."""
    situation = plan.situation
    click.echo(f"site {situation.site}, release {situation.release}: {_bytes(plan.today)}")
    pace = f"pace: {days(situation.pace.time.days)} until nearly all devices have called ({situation.pace.basis})"
    print_wrapped(pace, "  ")
    click.echo("")
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
        print_wrapped(
            f"due: release {situation.release} does not answer for {host}. Devices that call it refuse TLS.", "  "
        )
    click.echo("")
    print_table(["way", "doors notice", "bytes", "key needed", "offered"], [_row(way, plan) for way in plan.ways], "")
    _print_legend(plan)


def print_ways(plan: RotationPlan, ways: Iterable[RotationWay]) -> None:
    """Some ways in detail: bytes, both views, steps, and what is not known.

    Args:
        plan: The plan.
        ways: Which.
    """
    for way in ways:
        _print_way(plan.way(way), plan)


def days(count: int) -> str:
    """A number of days, as people say it."""
    return f"{count} day" if count == 1 else f"{count} days"


def _row(way: WayPlan, plan: RotationPlan) -> tuple[object, ...]:
    return (way.way, noticed(way), longest(way) or "", way.needed_key or "none", offered(way, plan))


def _print_legend(plan: RotationPlan) -> None:
    """What the columns do not explain."""
    click.echo("bytes: of the longest chain; devices hold 4096. Steps of a way: --way WAY")
    for way in plan.ways:
        if way.impossible:
            print_wrapped(f"no: {way.way} is not possible. {way.impossible}", "  ")
    if any(not way.impossible and not way.key_is_at_hand for way in plan.ways):
        click.echo("no key: the private key is not on this host. Name its folder: --authority DIR")
    if not plan.due and not plan.situation.unanswered:
        click.echo("\nnothing is due. What people ask for anyway:")
        for wish, answer in WISHES:
            print_wrapped(f"  {wish:<23}{answer}", " " * 25)


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
    click.echo("" if way.key_is_at_hand else f"; the {way.needed_key}'s private key is not here: --authority DIR")
    _print_bytes("today", plan.today)
    for chain in way.chains:
        _print_bytes(chain.title, chain.budget)
        print_wrapped(f"    device with the old anchor: {view(chain.old_refuses, chain.old_until)}", " " * 6)
        if has_new_anchor(way):
            print_wrapped(f"    device with the new anchor: {view(chain.new_refuses, chain.new_until)}", " " * 6)
    for number, step in enumerate(way.steps, 1):
        print_wrapped(f"  {number}. {step}", " " * 5)
    for unknown in way.unknown:
        print_wrapped(f"  not known: {unknown}", " " * 4)


def _print_bytes(title: str, budget: ByteBudget) -> None:
    used = min(_BAR, round(budget.total * _BAR / budget.limit))
    click.echo(f"  {title:<10} {'#' * used}{'.' * (_BAR - used)} {_bytes(budget)}")


def _bytes(budget: ByteBudget) -> str:
    return f"{budget.total} of {budget.limit} bytes"
