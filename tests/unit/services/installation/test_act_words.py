"""What the entries of the audit log say in words."""

from collections.abc import Mapping

import pytest

from engage_server.records import AuditAction, AuditEvent
from engage_server.services.installation.act_words import WORDS, act_words, changes_of
from engage_server.services.rotation.gate.decision import Verdict
from tests.support.chains import NOW

GAP = "..."


def event(
    action: AuditAction, facts: Mapping[str, str] | None = None, before: Mapping[str, str] | None = None
) -> AuditEvent:
    return AuditEvent(NOW, "anna", action, "main", facts or {}, before or {})


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_has_words_also_for_an_entry_without_facts(action: AuditAction) -> None:
    words = act_words(event(action))
    assert words
    assert GAP not in words
    assert "{" not in words
    assert "[" not in words
    assert words[0].islower(), "it follows a name, or 'Done:'"


@pytest.mark.parametrize("action", AuditAction)
def test_every_form_of_an_action_can_be_reached(action: AuditAction) -> None:
    """A form that stands behind one with fewer facts would never be used."""
    needed = [frozenset(_needed(form)) for form in WORDS[action]]
    for place, facts in enumerate(needed):
        assert not any(earlier <= facts for earlier in needed[:place]), WORDS[action][place]


def _needed(form: str) -> list[str]:
    outside, depth = "", 0
    for each in form:
        depth += (each == "[") - (each == "]")
        outside += each if not depth else ""
    return [part.partition("}")[0].partition(":")[0] for part in outside.split("{")[1:] if not part.startswith("site}")]


@pytest.mark.parametrize(
    ("action", "facts", "before", "words"),
    [
        (
            AuditAction.RELEASE_ACTIVATED,
            {"release": "4"},
            {"release": "3"},
            "activated release 4 of main in place of release 3",
        ),
        (AuditAction.RELEASE_ACTIVATED, {"release": "1"}, {"release": "none"}, "activated release 1 of main"),
        (
            AuditAction.SITE_CHANGED,
            {"hosts": "b", "title": "B"},
            {"hosts": "a", "title": "B"},
            "changed the hosts of main",
        ),
        (
            AuditAction.SITE_CHANGED,
            {"hosts": "b", "title": "B", "time_zone": "UTC"},
            {"hosts": "a", "title": "", "time_zone": "Europe/Berlin"},
            "changed the hosts, title and time zone of main",
        ),
        (AuditAction.SITE_RENAMED, {"name": "main"}, {"name": "old"}, "renamed the site old to main"),
        (
            AuditAction.SITE_REMOVED,
            {"key": "destroyed", "people": "1", "tokens": "2"},
            {},
            "removed the site main, whose key was destroyed, with the roles of 1 person, with 2 tokens",
        ),
        (AuditAction.DEVICE_ADDED, {"added": "1"}, {}, "put 1 device on the list of main"),
        (
            AuditAction.DEVICE_ADDED,
            {"added": "2", "named": "1"},
            {},
            "put 2 devices on the list of main, and named 1 device",
        ),
        (AuditAction.DEVICE_NAMED, {"device": "A0", "name": "Gate", "place": ""}, {}, "named device A0 of main Gate"),
        (AuditAction.DEVICE_NAMED, {"device": "A0", "name": "none", "place": ""}, {}, "named device A0 of main none"),
        (
            AuditAction.DEVICE_NAMED,
            {"device": "A0", "name": "", "place": ""},
            {"name": "Gate"},
            "took name and place from device A0 of main",
        ),
        (
            AuditAction.DEVICES_IMPORTED,
            {"device": "A0", "files": "database", "devices": "1"},
            {},
            "gave device A0 of main its file database",
        ),
        (
            AuditAction.DEVICES_IMPORTED,
            {"devices": "2", "files": "1"},
            {},
            "imported 1 file of 2 devices at main",
        ),
        (
            AuditAction.ROTATION_ADVANCED,
            {"rotation": "1", "release": "3", "gate": "9 of 10 came through"},
            {"release": "2"},
            "moved the rotation of main on to release 3 from release 2: 9 of 10 came through",
        ),
        (
            AuditAction.ROTATION_ADVANCED,
            {"staged": "2 3"},
            {},
            "staged the releases 2 3 for the rotation of main",
        ),
        (
            AuditAction.PERSON_CHANGED,
            {"person": "bert", "role": "approver", "sites": "all"},
            {"role": "viewer", "sites": "depot"},
            "gave bert the role approver at the sites: all; before: viewer at the sites: depot",
        ),
        (
            AuditAction.PERSON_CHANGED,
            {"person": "bert", "openid": "iss 1"},
            {"openid": "none"},
            "connected bert with the OpenID subject iss 1",
        ),
        (
            AuditAction.PERSON_CHANGED,
            {"person": "bert", "openid": "none"},
            {"openid": "iss 1"},
            "took the OpenID subject from bert",
        ),
        (AuditAction.SIGNED_IN, {"person": "anna", "way": "password"}, {}, "signed in by password"),
        (AuditAction.TOKEN_REVOKED, {"token": "ci"}, {}, "revoked the token ci"),
    ],
)
def test_what_the_words_are(
    action: AuditAction, facts: Mapping[str, str], before: Mapping[str, str], words: str
) -> None:
    assert act_words(event(action, facts, before)) == words


def test_braces_in_a_fact_are_no_template() -> None:
    """A name that somebody chose says nothing but itself."""
    named = event(AuditAction.DEVICE_NAMED, {"device": "A0", "name": "{site} [x] {place}", "place": ""})
    assert act_words(named) == "named device A0 of main {site} [x] {place}"


def test_what_changed_comes_first() -> None:
    changes = changes_of(event(AuditAction.SITE_CHANGED, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": "4"}))
    assert [(each.name, each.now, each.before, each.is_changed) for each in changes] == [
        ("b", "3", "2", True),
        ("c", None, "4", True),
        ("a", "1", "1", False),
    ]


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("ask: 3 doors are lost", "approved a step of the rotation of main; the gate had paused: 3 doors are lost"),
        ("wait: a night", "approved a step of the rotation of main; the gate would have waited: a night"),
        ("go-on: all came", "approved a step of the rotation of main; the gate would have gone on: all came"),
        ("", "approved a step of the rotation of main"),
        ("of another version", "approved a step of the rotation of main"),
    ],
)
def test_what_the_gate_said_is_in_words(gate: str, words: str) -> None:
    assert act_words(event(AuditAction.ROTATION_APPROVED, {"gate": gate})) == words


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_of_a_gate_has_words(verdict: Verdict) -> None:
    assert "the gate " in act_words(event(AuditAction.ROTATION_APPROVED, {"gate": f"{verdict}: why"}))
