"""The contract of the alerts' part of ``store.interface``, on every database."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.errors import Conflict, NotFound, SealBroken
from engage_server.records import (
    AlertKind,
    AlertMark,
    AlertMessage,
    AuditAction,
    AuditEvent,
    ChannelKind,
    OutboxEntry,
    OutboxState,
    Recipient,
    Secret,
)
from engage_server.store.database.engine import open_engine
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from tests.support.alerts import entry, recipient
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.rows import site
from tests.support.stored import audit_events

WAITING, SENT, UNSURE = OutboxState.WAITING, OutboxState.SENT, OutboxState.UNSURE
HOOK = "hook"


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    store.add_recipient(recipient(), Secret(b"password"), event)
    store.add_recipient(recipient(HOOK, ChannelKind.WEBHOOK), None, event)
    yield store
    store.close()


class TestRecipients:
    """Where alerts go."""

    def test_one_comes_back_as_it_was(self, store: SqlStore, event: AuditEvent) -> None:
        full = replace(recipient("all"), sites=("b", "a"), kinds=(AlertKind.MORNING, AlertKind.DRILL_FAILED))
        store.add_recipient(full, None, event)
        names = [each.name for each in store.recipients()]
        assert names == ["all", "caretakers", HOOK]
        assert store.recipients()[0] == replace(full, sites=("a", "b"))
        assert store.recipients()[1] == recipient()
        assert len(audit_events(store)) == 3

    def test_a_name_is_taken_once(self, store: SqlStore, event: AuditEvent) -> None:
        with pytest.raises(Conflict, match="already a recipient 'caretakers'"):
            store.add_recipient(recipient(), None, event)
        assert len(audit_events(store)) == 2

    def test_a_secret_is_sealed_and_of_one_name(self, store: SqlStore, migrated_url: str) -> None:
        found = store.recipient_secret("caretakers")
        assert found is not None and found.reveal() == b"password"
        assert store.recipient_secret(HOOK) is None
        with pytest.raises(NotFound):
            store.recipient_secret("nobody")
        other = SqlStore(open_engine(migrated_url), Sealer(Secret(bytes([1]) * 32)))
        with pytest.raises(SealBroken):
            other.recipient_secret("caretakers")
        other.close()

    def test_removing_one_removes_what_waits_for_it(self, store: SqlStore, event: AuditEvent) -> None:
        assert store.put_in_outbox([entry(), entry(HOOK)], [AlertMark("morning", "UTC", "caretakers", {})])
        store.remove_recipient("caretakers", replace(event, action=AuditAction.SITE_REMOVED))
        assert [each.recipient for each in store.outbox(9)] == [HOOK]
        assert store.alert_marks() == []
        with pytest.raises(NotFound):
            store.remove_recipient("caretakers", event)
        assert len(audit_events(store)) == 3

    def test_one_that_is_off_gets_nothing(self, store: SqlStore) -> None:
        store.put_in_outbox([entry(HOOK)])
        assert store.switch_recipient_off(HOOK, NOW, "gone")
        assert not store.switch_recipient_off(HOOK, NOW, "again")
        assert not store.switch_recipient_off("nobody", NOW, "gone")
        assert store.recipients()[1].off_since == NOW
        assert store.recipients()[1].off_why == "gone"
        store.put_in_outbox([entry(HOOK, "another day"), entry("nobody")])
        assert [(each.state, each.trouble) for each in store.outbox(9)] == [(OutboxState.GIVEN_UP, "gone")]
        assert store.claim_from_outbox("a", 60, 9) == []

    def test_sites_are_followed(self, store: SqlStore, event: AuditEvent) -> None:
        for name in ("main", "north"):
            store.add_site(site(name), SITE_KEY, event)
        store.add_recipient(replace(recipient("one"), sites=("main",)), None, event)
        store.put_in_outbox([replace(entry(), site="main")], [AlertMark("rotation_held", "main", value={"a": 1})])
        store.rename_site("main", "south", event)
        assert [each.sites for each in store.recipients()] == [None, None, ("south",)]
        assert [each.about for each in store.alert_marks()] == ["south"]
        assert [each.site for each in store.outbox(9)] == ["south"]
        store.add_site(site("other"), SITE_KEY, event)
        store.make_default("other", event)
        store.remove_site("south", event)
        assert [each.sites for each in store.recipients()] == [None, None, ()], "nobody gets all sites by a removal"
        assert store.alert_marks() == []


class TestOutbox:
    """What waits to be sent."""

    def test_an_entry_comes_back_as_it_was(self, store: SqlStore) -> None:
        message = AlertMessage(AlertKind.MORNING, "a \r\nb ☃", "text\n", "<p>text</p>", {"doors": 3})
        assert store.put_in_outbox([replace(entry(), message=message)])
        (found,) = store.outbox(9)
        assert (found.message, found.state, found.version, found.attempts) == (message, WAITING, 1, 0)
        assert found.due_at == found.made_at

    def test_one_recipient_kind_site_and_period_is_one_entry(self, store: SqlStore) -> None:
        store.put_in_outbox([entry()])
        kind = replace(entry(), message=AlertMessage(AlertKind.TEST, "s", "t"))
        others = [entry(HOOK), entry(period="later"), replace(entry(), site="main"), kind]
        same = [replace(each, id=f"msg_{number:032x}") for number, each in enumerate([entry(), *others])]
        store.put_in_outbox(same)
        store.put_in_outbox([replace(each, id=f"{each.id[:-2]}ff") for each in same])
        assert len(store.outbox(99)) == 5
        assert len(store.outbox(2)) == 2

    def test_one_node_claims_an_entry(self, store: SqlStore, migrated_url: str) -> None:
        store.put_in_outbox([entry(period=f"{number}") for number in range(20)])
        found: list[OutboxEntry] = []
        others = [SqlStore(open_engine(migrated_url), SEALER) for _ in range(3)]

        def take(each: SqlStore) -> None:
            while claimed := each.claim_from_outbox(f"{id(each)}", 60, 2):
                found.extend(claimed)

        threads = [threading.Thread(target=take, args=[each]) for each in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in others:
            each.close()
        assert sorted(int(each.period) for each in found) == list(range(20))
        assert {each.attempts for each in found} == {1}
        assert len(store.outbox(99, only_waiting=True)) == 20, "a claim ends nothing"

    def test_a_claim_that_ran_out_is_due_again_and_its_holder_can_do_nothing(self, store: SqlStore) -> None:
        store.put_in_outbox([entry()])
        (first,) = store.claim_from_outbox("a", 1.0, 9)
        assert store.claim_from_outbox("b", 60, 9) == []
        time.sleep(1.1)
        (second,) = store.claim_from_outbox("b", 60, 9)
        assert (second.id, second.attempts) == (first.id, 2)
        assert store.hand_over_in_outbox(first, 60) is None
        assert not store.end_in_outbox(replace(first, state=SENT))
        handed = store.hand_over_in_outbox(second, 60)
        assert handed is not None
        assert store.hand_over_in_outbox(second, 60) is None, "once"
        assert store.end_in_outbox(replace(handed, state=SENT))
        assert not store.end_in_outbox(replace(handed, state=SENT))
        (ended,) = store.outbox(9)
        assert ended.state is SENT and ended.ended_at is not None
        assert store.outbox(9, only_waiting=True) == []

    def test_a_mail_that_was_handed_over_is_unsure_and_a_webhook_is_repeated(self, store: SqlStore) -> None:
        store.put_in_outbox([entry(), entry(HOOK)])
        for each in store.claim_from_outbox("a", 60, 9):
            assert store.hand_over_in_outbox(each, 0.05) is not None
        time.sleep(0.1)
        assert [each.recipient for each in store.claim_from_outbox("b", 60, 9)] == [HOOK]
        states = {each.recipient: each.state for each in store.outbox(9)}
        assert states == {"caretakers": UNSURE, HOOK: OutboxState.CLAIMED}

    def test_an_entry_waits_for_its_pause(self, store: SqlStore) -> None:
        store.put_in_outbox([entry()])
        (claimed,) = store.claim_from_outbox("a", 60, 9)
        assert store.end_in_outbox(replace(claimed, state=WAITING, trouble="refused"), 1.0)
        assert store.claim_from_outbox("a", 60, 9) == []
        time.sleep(1.1)
        (again,) = store.claim_from_outbox("a", 60, 9)
        assert (again.attempts, again.trouble) == (2, "refused")

    def test_figures_and_forgetting(self, store: SqlStore) -> None:
        assert store.outbox_figures().oldest_seconds is None
        store.put_in_outbox([entry(), entry(HOOK)])
        claimed = next(each for each in store.claim_from_outbox("a", 60, 9) if each.recipient == HOOK)
        store.end_in_outbox(replace(claimed, state=SENT))
        figures = store.outbox_figures()
        assert figures.counts == {OutboxState.CLAIMED: 1, SENT: 1}
        assert figures.oldest_seconds is not None and 0 <= figures.oldest_seconds < 60
        (ended,) = [each for each in store.outbox(9) if each.ended_at is not None]
        assert ended.ended_at is not None
        assert store.forget_old_in_outbox(ended.ended_at) == 0
        assert store.forget_old_in_outbox(ended.ended_at + timedelta(seconds=1)) == 1
        assert [each.recipient for each in store.outbox(9)] == ["caretakers"]


class TestMarks:
    """What all nodes remember."""

    def test_a_mark_changes_from_the_version_that_was_seen(self, store: SqlStore) -> None:
        mark = AlertMark("audit", value={"number": 3})
        assert store.put_in_outbox([], [mark])
        assert not store.put_in_outbox([entry()], [mark]), "it is there already"
        (found,) = store.alert_marks()
        assert (found.value, found.version) == ({"number": 3}, 1)
        assert store.put_in_outbox([entry()], [replace(found, value={"number": 4})])
        assert not store.put_in_outbox([entry(HOOK)], [replace(found, value={"number": 5})])
        assert [each.recipient for each in store.outbox(9)] == ["caretakers"], "marks and entries are one change"
        assert not store.put_in_outbox([], [replace(found, value=None)])
        assert store.put_in_outbox([], [replace(found, version=2, value=None), AlertMark("x", "main", value=None)])
        assert store.alert_marks() == []

    def test_two_nodes_that_saw_the_same_say_it_once(self, store: SqlStore, migrated_url: str) -> None:
        others = [SqlStore(open_engine(migrated_url), SEALER) for _ in range(4)]
        done: list[bool] = []

        def say(number: int) -> None:
            marks = [AlertMark("audit", value={"number": 1}), AlertMark("nobody_called", "main", value={})]
            done.append(others[number].put_in_outbox([entry(period=f"{number}")], marks))

        threads = [threading.Thread(target=say, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in others:
            each.close()
        assert sorted(done) == [False, False, False, True]
        assert len(store.outbox(9)) == 1


def test_a_recipient_shows_no_secret() -> None:
    assert "password" not in repr(Recipient("a", ChannelKind.MAIL, {"to": "x"}, None, (), NOW))
