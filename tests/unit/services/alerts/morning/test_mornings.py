"""Each morning mail is put into the outbox once: over nodes, restarts, and whatever changes meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engage_server.records import AlertKind, AuditAction, Host, OutboxEntry
from engage_server.services.sites.register import SiteChanges
from tests.support.alerting import Alerting
from tests.support.alerts import recipient
from tests.support.chains import NOW
from tests.support.world import World, serving

# midnight (UTC) before a Friday: on Mondays there is always a line
DAY = datetime.combine(NOW.date(), datetime.min.time(), NOW.tzinfo) + timedelta(days=(4 - NOW.weekday()) % 7 + 7)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site and a recipient."""
    with serving(tmp_path) as found:
        add(found, "caretakers")
        yield found


def add(world: World, name: str, **other: object) -> None:
    """Add a recipient."""
    added = replace(recipient(name), added_at=NOW - timedelta(days=1), **other)  # type: ignore[arg-type]
    world.store.add_recipient(added, None, world.occasion.event(AuditAction.SITE_CHANGED))


def mails(world: World) -> list[OutboxEntry]:
    """What lies in the outbox, by recipient and period."""
    return sorted(world.store.outbox(99), key=lambda each: (each.recipient, each.period))


def move(world: World, name: str, zone: str) -> None:
    """Put a site into another time zone."""
    world.sites.change(world.store.site(name), SiteChanges(time_zone=zone), "", world.occasion)


def test_one_mail_a_day_and_only_from_half_past_six_on(world: World) -> None:
    alerting = Alerting(world)
    assert alerting.mornings.run(DAY + 6 * HOUR) == 0
    assert alerting.mornings.run(DAY + 6.6 * HOUR) == 1
    assert Alerting(world).mornings.run(DAY + 6.7 * HOUR) == 0, "another node"
    assert alerting.mornings.run(DAY + 23.9 * HOUR) == 0
    assert alerting.mornings.run(DAY + 30.6 * HOUR) == 1
    assert [each.period for each in mails(world)] == [f"{DAY.date()} UTC", f"{(DAY + 24 * HOUR).date()} UTC"]
    assert mails(world)[0].message.kind is AlertKind.MORNING


def test_two_nodes_that_look_at_once_put_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Alerting(world), Alerting(world)
    put = world.store.put_in_outbox

    def slower(*arguments: object) -> bool:
        monkeypatch.setattr(world.store, "put_in_outbox", put)
        other.mornings.run(DAY + 7 * HOUR)  # it was faster
        return put(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "put_in_outbox", slower)
    assert one.mornings.run(DAY + 7 * HOUR) == 0
    assert len(mails(world)) == 1


def test_nothing_to_say_is_decided_in_the_morning(world: World) -> None:
    """What comes up at noon waits for the next morning: at once is for what cannot."""
    alerting, troubled = Alerting(world), Alerting(world)
    alerting.risks = ()
    assert alerting.mornings.run(DAY + 7 * HOUR) == 0
    assert mails(world) == []
    assert troubled.mornings.run(DAY + 12 * HOUR) == 0
    assert troubled.mornings.run(DAY + 31 * HOUR) == 1


def test_what_was_missed_is_late_the_same_day_and_never_later(world: World) -> None:
    alerting = Alerting(world)
    assert alerting.mornings.run(DAY + 21 * HOUR) == 1
    assert mails(world)[0].message.subject.startswith("Late: ")
    assert alerting.mornings.run(DAY + 24.1 * HOUR + timedelta(days=5)) == 0
    assert len(mails(world)) == 1


def test_a_recipient_who_came_after_half_past_six_waits_for_tomorrow(world: World) -> None:
    add(world, "new")
    late = replace(recipient("later"), added_at=DAY + 7 * HOUR)
    world.store.add_recipient(late, None, world.occasion.event(AuditAction.SITE_CHANGED))
    assert Alerting(world).mornings.run(DAY + 8 * HOUR) == 2
    assert [each.recipient for each in mails(world)] == ["caretakers", "new"]


def test_sites_in_several_zones_have_a_mail_each(world: World) -> None:
    for name, zone in (("berlin", "Europe/Berlin"), ("hamburg", "Europe/Berlin"), ("tokyo", "Asia/Tokyo")):
        world.add_site(name, (Host(f"{name}.example"),))
        move(world, name, zone)
    add(world, "one", sites=("hamburg",))
    add(world, "none", sites=())
    alerting = Alerting(world)
    for quarter in range(-40, 40):
        alerting.mornings.run(DAY + timedelta(minutes=15 * quarter))
    found = [(each.recipient, each.period, each.message.facts) for each in mails(world)]
    of_today = [(name, period.split()[1], facts) for name, period, facts in found if period.startswith(f"{DAY.date()}")]
    assert [each[:2] for each in of_today] == [
        ("caretakers", "Asia/Tokyo"),
        ("caretakers", "Europe/Berlin"),
        ("caretakers", "UTC"),
        ("one", "Europe/Berlin"),
    ]
    sites = [[site["site"] for site in facts["sites"]] for *_, facts in of_today]  # type: ignore[attr-defined]
    assert sites == [["tokyo"], ["berlin", "hamburg"], ["main"], ["hamburg"]]


def test_who_wants_other_things_gets_no_morning(world: World) -> None:
    world.store.remove_recipient("caretakers", world.occasion.event(AuditAction.SITE_CHANGED))
    add(world, "only drills", kinds=(AlertKind.DRILL_FAILED,))
    add(world, "mornings", kinds=(AlertKind.MORNING,))
    assert Alerting(world).mornings.run(DAY + 7 * HOUR) == 1
    assert [each.recipient for each in mails(world)] == ["mornings"]


def test_a_clock_that_is_wrong_keeps_nothing_back_for_long(world: World) -> None:
    alerting = Alerting(world)
    assert alerting.mornings.run(DAY + timedelta(days=365, hours=7)) == 1
    assert alerting.mornings.run(DAY + 7 * HOUR) == 1
    assert alerting.mornings.run(DAY + 8 * HOUR) == 0
