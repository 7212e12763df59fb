"""A door's timeline in sentences."""

from dataclasses import replace

import pytest

from engage_server.records import VIRTUAL_LOCK, Sighting, SightingKind
from engage_server.services.doors.sighting_words import sighting_words
from tests.support.chains import NOW

SEEN = Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", "10.0.0.7", "A" * 32, "main", 4)


@pytest.mark.parametrize(
    ("sighting", "words"),
    [
        (SEEN, "came through by TLS with release 4 from 10.0.0.7"),
        (replace(SEEN, release=None), "came through by TLS from 10.0.0.7"),
        (
            replace(SEEN, authenticated=True),
            "came through by TLS with release 4 from 10.0.0.7, and proved itself by a token",
        ),
        (replace(SEEN, resumed=True), "resumed an earlier TLS session from 10.0.0.7: it checked no certificate"),
        (
            replace(SEEN, kind=SightingKind.HANDSHAKE_FAILED, failure="alert unknown_ca"),
            "failed TLS with release 4 from 10.0.0.7: alert unknown_ca",
        ),
        (
            replace(SEEN, kind=SightingKind.NOTICE, listener="http", host="a.example"),
            "asked for the notice by plain HTTP from 10.0.0.7, at the host a.example, and got that of release 4",
        ),
        (
            replace(SEEN, kind=SightingKind.CERTIFICATE, listener="http"),
            "downloaded the anchor of release 4 by plain HTTP from 10.0.0.7",
        ),
        (replace(SEEN, kind=SightingKind.CALL_IN), "called in by TLS from 10.0.0.7"),
        (
            replace(SEEN, kind=SightingKind.AUDIT, failure="0B07"),
            "sent an audit from 10.0.0.7. It reports: a download succeeded",
        ),
        (
            replace(SEEN, disregarded="future"),
            "came through by TLS with release 4 from 10.0.0.7 (not counted: its time lies in the future, because a "
            "server's clock was ahead)",
        ),
    ],
    ids=lambda each: each.kind if isinstance(each, Sighting) else "",
)
def test_each_thing_that_a_door_does_has_its_sentence(sighting: Sighting, words: str) -> None:
    assert sighting_words(sighting) == words


@pytest.mark.parametrize("kind", list(SightingKind))
@pytest.mark.parametrize("listener", ["http", "https", "new"])
def test_no_kind_is_without_words(kind: SightingKind, listener: str) -> None:
    """A reason that a later version writes is shown as it is."""
    told = sighting_words(replace(SEEN, kind=kind, listener=listener, disregarded="because"))
    assert told.endswith("(not counted: because)")
    assert "10.0.0.7" in told


def test_a_virtual_lock_is_named() -> None:
    assert "a virtual lock sent it" in sighting_words(replace(SEEN, disregarded=VIRTUAL_LOCK))
