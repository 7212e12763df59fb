"""Which entries of the audit log people hear of at once, and that each is said once, and none is left out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_server.records import AlertKind, AuditAction, AuditEntry, AuditEvent
from engage_server.services.alerts.at_once.audit_news import news_of
from engage_server.services.alerts.at_once.log_news import AT_ONCE
from tests.support.alerting import Alerting
from tests.support.alerts import recipient
from tests.support.briefings import CONSOLE
from tests.support.chains import NOW
from tests.support.world import World

BREAK, BACK, ALONE = AlertKind.BREAK_GLASS, AlertKind.ROTATION_TURNED_BACK, AlertKind.APPROVED_ALONE


def event(action: AuditAction, before: dict[str, str] | None = None, **facts: str) -> AuditEvent:
    """An event of site main."""
    return AuditEvent(NOW, "anna", action, "main", facts, before or {}, "because")


def overridden(action: AuditAction, why: str = "tested") -> AuditEvent:
    """A release went live although a check found an error."""
    return replace(event(action), facts={"override chain.too_long": why})


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (event(AuditAction.ROTATION_ENDED, state="rolled-back", release="1"), BACK),
        (event(AuditAction.ROTATION_ENDED, state="aborted", release="1"), None),
        (event(AuditAction.ROTATION_APPROVED_ALONE, rotation="7"), ALONE),
        (event(AuditAction.ROTATION_APPROVED, rotation="7"), None),
        (overridden(AuditAction.RELEASE_ACTIVATED), BREAK),
        (overridden(AuditAction.RELEASE_ROLLED_BACK), BREAK),
        (event(AuditAction.RELEASE_ACTIVATED, release="2"), None),
        (event(AuditAction.PERSON_RESET, person="root"), BREAK),
        (event(AuditAction.PERSON_ADDED, person="eve", role="admin"), BREAK),
        (event(AuditAction.PERSON_ADDED, person="eve", role="viewer"), None),
        (event(AuditAction.PERSON_CHANGED, {"role": "viewer"}, person="eve", role="admin"), BREAK),
        (event(AuditAction.PERSON_CHANGED, {"role": "admin"}, person="eve", role="admin"), None),
        (event(AuditAction.TOKEN_ADDED, token="t", role="admin"), BREAK),
        (event(AuditAction.SITE_KEY_EXPORTED, file="key"), BREAK),
        (event(AuditAction.RELEASE_KEY_EXPORTED, file="key"), BREAK),
        (event(AuditAction.SIGNED_IN), None),
    ],
)
def test_what_is_news(found: AuditEvent, kind: AlertKind | None) -> None:
    news = news_of(AuditEntry(9, found, "", ""), CONSOLE)
    assert (news.message.kind if news else None) is kind
    if news is not None:
        assert "anna" in news.message.subject and "Reason: because" in news.message.text
        assert "Entry 9 of the audit log" in news.message.text


def test_the_reason_of_an_override_is_said() -> None:
    found = overridden(AuditAction.RELEASE_ACTIVATED, "try\r\nit")
    news = news_of(AuditEntry(9, found, "", ""), CONSOLE)
    assert news is not None and "Overridden: chain.too_long: try\\r\\nit" in news.message.text


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A recipient, and a log that held news before it."""
    with World(tmp_path) as found:
        found.store.record(replace(reset(), at=NOW - timedelta(hours=1)))
        add(found)
        yield found


def reset() -> AuditEvent:
    """News."""
    return event(AuditAction.PERSON_RESET, person="root")


def add(world: World, name: str = "caretakers", **other: Any) -> None:
    """Add a recipient."""
    world.store.add_recipient(replace(recipient(name), **other), None, event(AuditAction.SITE_CHANGED))


def run(world: World) -> int:
    """Read the log once."""
    return Alerting(world).news.run(world.store.recipients(), NOW)


def told(world: World) -> list[str]:
    """The periods of what lies in the outbox."""
    return sorted(each.period for each in world.store.outbox(9999))


def test_each_entry_is_said_once_and_none_of_before(world: World) -> None:
    world.store.record(reset())  # before anybody looked, and after the recipient was there
    assert run(world) == 0
    assert run(world) == 2
    world.store.record(event(AuditAction.SIGNED_IN))
    world.store.record(reset())
    assert run(world) == 2
    assert run(world) == 0
    assert told(world) == ["entry 3", "entry 5"]


def test_a_node_that_was_slower_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run(world)
    world.store.record(reset())
    put = world.store.put_in_outbox

    def slower(*arguments: Any) -> bool:
        monkeypatch.setattr(world.store, "put_in_outbox", put)
        assert run(world) == 2
        return put(*arguments)

    monkeypatch.setattr(world.store, "put_in_outbox", slower)
    assert run(world) == 0
    assert told(world) == ["entry 3"]


def test_a_long_log_is_read_in_parts(world: World) -> None:
    run(world)
    for number in range(AT_ONCE):
        world.store.record(event(AuditAction.SIGNED_IN, number=str(number)))
    world.store.record(reset())
    assert [run(world), run(world), run(world)] == [AT_ONCE, 2, 0]
    assert len(told(world)) == 1


def test_a_site_s_people_hear_of_their_site(world: World) -> None:
    add(world, "north", sites=("north",))
    run(world)
    world.store.record(reset())
    world.store.record(replace(reset(), site=""))
    run(world)
    found = sorted((each.recipient, each.period) for each in world.store.outbox(9))
    assert found == [("caretakers", "entry 4"), ("caretakers", "entry 5")], "of people, who may have another site"


def test_where_all_are_limited_all_hear_of_it(world: World) -> None:
    """Break-glass that nobody hears of would be worse."""
    world.store.remove_recipient("caretakers", replace(reset(), action=AuditAction.UNKNOWN))
    add(world, "north", sites=("north",))
    run(world)
    world.store.record(replace(reset(), site=""))
    run(world)
    assert [each.recipient for each in world.store.outbox(9)] == ["north"]
