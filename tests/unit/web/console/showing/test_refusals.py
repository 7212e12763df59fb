"""What a page says after a refusal can be done on a page, and names nothing that only programs know."""

import re

import pytest

from engage_server.checks.explained import EXPLANATIONS
from engage_server.errors import BodyInvalid, EngageError, NotPossible, Refused
from engage_server.records import Actor, ActorKind, Grant, Role
from engage_server.services.access.permissions import ACT_WORDS, PERMISSIONS, Act, assert_may
from engage_server.web.api.routes.rotations import RotationStart
from engage_server.web.console.acting import read_body
from engage_server.web.console.pages.of_site.rotation_acts import FORMS
from engage_server.web.console.showing.refusals import FIXES, NEXT_STEPS, fix_words, label_of, refusal_words
from tests.support.raised_errors import RaisedError, raised_errors

# what no page calls: other faces, and what is done on the command line or by the API alone
_OTHERS = (
    "cli/", "links/", "lock/", "demo/", "serving/", "composition/", "files/", "__main__.py",
    "settings", "setting_values.py", "variables.py", "records/release_key.py",
    "checks/profile.py", "checks/selection.py",
    "pki/issuing/", "protocol/site_key.py",
    "services/chains/naming.py", "services/installation/first_site.py", "services/installation/left_chains.py",
    "services/kpn_devices/", "services/sites/removal.py", "services/sites/renaming.py", "services/vendor/",
    "store/links/", "store/queries/removal_queries.py", "store/queries/site_queries.py",
    "store/queries/worker_queries.py",
    "services/alerts/", "services/backup/", "store/alerts/", "store/keys/", "store/copying/",  # the command line alone
    "web/api/requests/", "web/api/routes/audit_log.py",
)  # fmt: skip
# no form does this: an OpenID subject, what counts as evidence, an upstream system; and a browser sends no token
_NO_FORM = {"person.subject_taken", "evidence.no_token_seen", "upstream.url", "token.wrong"}
_NO_FORM_AT = ("services/rotation/request.py", "services/sites/register.py")
_FOR_OTHERS = re.compile(
    r"(?<!\w)--[a-z]|this command|standard input|(?:GET|POST|PUT|DELETE) /|If-Match|accept_failing_doors|^-: "
)
_COMMAND = re.compile(r"\b(engage [a-z]+(?: [a-z-]+)*)(?: --?[a-z-]+|(?: [A-Z{}=]+))*")
# the console has no keys of an authority, imports no long list, and starts no server
_NO_PAGE_HAS = {"engage chain renew", "engage chain build", "engage device import"}
_ACTS = re.compile("|".join(rf"\b{re.escape(act)}\b" for act in Act))


def _faults(text: str) -> list[str]:
    commands = [found[1] for found in _COMMAND.finditer(text) if found[1] not in _NO_PAGE_HAS]
    return [*_FOR_OTHERS.findall(_COMMAND.sub("", text)), *_ACTS.findall(text), *commands]


def _shown(each: RaisedError) -> str:
    """As a page has it. What cannot be read off the source is left out: its code has a row, or a person read it."""
    kind = NotPossible if issubclass(each.kind, NotPossible) else EngageError
    return "\n".join(refusal_words(kind(each.sentence or "", each.next_step or "", code=each.code)))


def _found() -> list[RaisedError]:
    return [each for each in raised_errors(_OTHERS) if each.code not in _NO_FORM]


def test_no_page_names_an_option_or_a_command_for_which_a_page_has_a_form() -> None:
    found = _found()
    assert len({each.code for each in found}) > 100
    bad = [
        f"{each.where}: {each.code}: {_shown(each)}"
        for each in found
        if _faults(_shown(each)) and not (each.code == "usage" and each.where.startswith(_NO_FORM_AT))
    ]
    assert not bad, "\n".join(bad)


def test_every_row_is_of_a_code_that_is_raised() -> None:
    composed = {"content.request", "content.revocation_list", "content.key_alone"}
    assert set(NEXT_STEPS) <= {each.code for each in raised_errors(("cli/",))} | composed
    assert set(FIXES) - {"path.self_signed"} <= set(EXPLANATIONS)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_what_to_do_about_a_finding_is_for_a_page(code: str) -> None:
    assert not _faults(fix_words(code, EXPLANATIONS[code].fix))


@pytest.mark.parametrize(
    ("text", "is_fine"),
    [
        ("Repeat this command.", False),
        ("Give one: --reason TEXT", False),
        ("List them: engage people list", False),
        ("people:see needs the role admin", False),
        ("Send it: GET /sites", False),
        ("-: the passphrase is wrong", False),
        ("Build new chains where the keys are: engage chain renew", True),
        ("Look at the list of people as it is now.", True),
    ],
)
def test_what_is_for_others_is_found(text: str, is_fine: bool) -> None:
    assert (not _faults(text)) is is_fine


@pytest.mark.parametrize("act", Act)
def test_who_may_not_reads_what_they_may_not_in_plain_words(act: Act) -> None:
    """For each reason why somebody may not."""
    assert set(ACT_WORDS) == set(Act)
    actors = [
        Actor("ann", ActorKind.PERSON, None),
        Actor("vic", ActorKind.PERSON, Grant(Role.VIEWER)),
        Actor("eve", ActorKind.PERSON, Grant(Role.ADMIN, frozenset({"elsewhere"}))),
        Actor("token monitor", ActorKind.TOKEN, Grant(Role.ADMIN)),
    ]
    refused = 0
    for actor in actors:
        try:
            assert_may(actor, act, "main")
        except Refused as refusal:
            refused += 1
            words = "\n".join(refusal_words(refusal))
            assert ACT_WORDS[act] in words
            assert not _faults(words)
    assert refused >= 2


def test_the_words_of_a_role_say_who_may() -> None:
    with pytest.raises(Refused) as refused:
        assert_may(Actor("vic", ActorKind.PERSON, Grant(Role.VIEWER)), Act.PEOPLE_SEE)
    assert refused.value.sentence == "only admins may see people, and vic has the role viewer"
    assert PERMISSIONS[Act.PEOPLE_SEE].role is Role.ADMIN


def test_what_was_sent_is_called_so() -> None:
    said, step = refusal_words(BodyInvalid("-: the passphrase is wrong", "Give it.", code="passphrase.wrong"))
    assert said == "What was sent: the passphrase is wrong"
    assert step.startswith("Type the right passphrase")


def test_a_path_of_this_host_is_on_no_page() -> None:
    """Also where the next step is worth saying."""
    for code in ("authority.missing", "file.not_usable"):
        words = "\n".join(refusal_words(NotPossible("nothing in /srv/keys", "Look into /srv/keys", code=code)))
        assert "/srv" not in words
    assert "passphrase" in refusal_words(NotPossible("-", "-", code="authority.missing"))[1]


def test_a_field_is_named_as_its_form_names_it() -> None:
    with pytest.raises(EngageError) as refused:
        read_body({"way": "server-renewal", "max_lost": "many"}, RotationStart)
    assert refused.value.sentence.startswith("'Lost doors, above which it goes back by itself' must be a whole number")
    assert label_of("/soak_hours") == "'Hours that each step lasts at least'"
    assert label_of("/not_known/0") == "'Not known 0'"
    assert label_of("") == "The form"
    assert FORMS
