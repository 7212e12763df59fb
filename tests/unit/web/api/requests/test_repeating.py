"""Requests with a key: the effect happens once, whoever is faster."""

import threading

import pytest

from engage_server.errors import Conflict, EngageError, Refused, StoreNotUsable, UsageError
from engage_server.records import AuditAction, AuditEntry, AuditEvent, KeyedRequest
from engage_server.web.api.requests.repeating import Repeating, key_in
from engage_server.web.api.route import Answer
from tests.support.chains import NOW

REQUEST = KeyedRequest("d" * 64, "b" * 64)
ENTRY = AuditEntry(7, AuditEvent(NOW, "token ci", AuditAction.RELEASE_STAGED), "", "")
FIRST, AGAIN = Answer("first"), Answer("again")


class Kept:
    """What the store knows of the request, at each look."""

    def __init__(self, *looks: AuditEntry | None) -> None:
        self._looks = list(looks)

    def __call__(self) -> AuditEntry | None:
        return self._looks.pop(0)


def never() -> Answer[str]:
    raise AssertionError("it acts again")


def refusing(error: EngageError) -> Answer[str]:
    raise error


def test_the_first_time_it_acts_and_later_it_answers_again() -> None:
    repeating = Repeating()
    assert repeating.answer(REQUEST, Kept(None), lambda: FIRST, lambda _: AGAIN) == (FIRST, False)
    assert repeating.answer(REQUEST, Kept(ENTRY), never, lambda _: AGAIN) == (AGAIN, True)


@pytest.mark.parametrize(
    "error",
    [
        Conflict("the same request was carried out meanwhile", "x", code="idempotency.done"),
        Conflict("there is already such a release", "x", code="release.exists"),  # which the other host has staged
        Refused("the site has no such release", "x"),
        StoreNotUsable("the connection was lost at the commit", "x"),
    ],
)
def test_another_host_was_faster(error: EngageError) -> None:
    answer = Repeating().answer(REQUEST, Kept(None, ENTRY), lambda: refusing(error), lambda _: AGAIN)
    assert answer == (AGAIN, True)


def test_what_is_refused_stays_refused_and_may_be_tried_again() -> None:
    repeating = Repeating()
    with pytest.raises(Conflict, match="already such"):
        repeating.answer(REQUEST, Kept(None, None), lambda: refusing(Conflict("already such", "x")), lambda _: AGAIN)
    assert repeating.answer(REQUEST, Kept(None), lambda: FIRST, lambda _: AGAIN) == (FIRST, False)


def test_a_request_that_is_being_carried_out() -> None:
    repeating, begun, go_on = Repeating(), threading.Event(), threading.Event()

    def slow() -> Answer[str]:
        begun.set()
        go_on.wait(30)
        return FIRST

    results: list[tuple[Answer[str], bool]] = []
    thread = threading.Thread(
        target=lambda: results.append(repeating.answer(REQUEST, Kept(None), slow, lambda _: AGAIN))
    )
    thread.start()
    assert begun.wait(30)
    with pytest.raises(Conflict) as refused:
        repeating.answer(REQUEST, Kept(), never, lambda _: AGAIN)
    assert refused.value.code == "idempotency.in_progress"
    other = KeyedRequest("e" * 64, "b" * 64)
    assert repeating.answer(other, Kept(None), lambda: FIRST, lambda _: AGAIN) == (FIRST, False)
    go_on.set()
    thread.join()
    assert results == [(FIRST, False)]
    assert repeating.answer(REQUEST, Kept(ENTRY), never, lambda _: AGAIN) == (AGAIN, True)


@pytest.mark.parametrize("fields", [[], ["a", "b"]])
def test_one_key_is_needed(fields: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        key_in(fields)
    assert refused.value.code == "idempotency.missing"
    assert key_in(["a"]) == "a"


def test_an_act_that_failed_halfway_says_why_itself() -> None:
    """Its entry is there, but there is no answer to give again: as of a rotation that ended before it was prepared."""
    first, second = Conflict("two hosts prepared it", "x"), Conflict("it has ended", "x")
    with pytest.raises(Conflict, match="two hosts"):
        Repeating().answer(REQUEST, Kept(None, ENTRY), lambda: refusing(first), lambda _: refusing(second))
