"""What a call to a slot gives: an event, or a refusal that leaves none."""

import hashlib
import logging
from pathlib import Path
from urllib.parse import urlencode

import pytest

from engage_server.records import PathSays
from tests.support.m2u import AT, GENUINE, LOGIN, Slots, basic, m2u_call, secret_file


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path)


def hidden() -> tuple[tuple[str, str], ...]:
    return tuple((name, "") for name, _ in GENUINE)


def identity(account: str = "acme", device: str = "ewon-1", serial: str = "1") -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for (name, _), value in zip(GENUINE, (account, device, serial), strict=True))


def test_a_message_is_an_event_that_the_path_works(slots: Slots) -> None:
    body = b"a;b\r\n\0\xff"
    call = m2u_call(basic(), *GENUINE, ("content-type", "text/csv\x1b[0m"), body=body)
    answer = slots.answer(call)
    assert (answer.status, answer.body) == (200, b"")
    (event,) = slots.journal.events
    assert (event.site, event.link, event.at, event.kind) == ("plant", "plant", AT, "m2u_message")
    assert event.says is PathSays.WORKS
    assert event.key == ""
    assert dict(event.detail) == {
        "account": "acme",
        "device": "ewon-1",
        "serial_number": "1532-0017-21",
        "content_type": "text/csv\\x1b[0m",
        "size": "7",
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def test_a_get_without_a_body_is_a_message_too(slots: Slots) -> None:
    assert slots.status(m2u_call(method="GET")) == 200
    assert slots.journal.events[0].detail["size"] == "0"


REFUSED = [
    ("no such slot", m2u_call(), "other", 404),
    ("no login", m2u_call(*GENUINE), "plant", 401),
    ("wrong login", m2u_call(basic("plant:x"), *GENUINE), "plant", 401),
    ("forged instead", m2u_call(basic(), ("x-talk2m-account", "acme"), *GENUINE[1:]), "plant", 400),
    ("forged beside", m2u_call(basic(), *GENUINE, ("x-talk2m-account", "acme")), "plant", 400),
    ("doubled", m2u_call(basic(), *GENUINE, GENUINE[0]), "plant", 400),
    ("no identity at all", m2u_call(basic()), "plant", 400),
    ("hidden identity", m2u_call(basic(), *hidden()), "plant", 403),
    ("another account", m2u_call(basic(), *identity(account="stranger")), "plant", 403),
    ("another device", m2u_call(basic(), *identity(device="ewon-3")), "plant", 403),
]


@pytest.mark.parametrize(("call", "slot", "status"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_refused_call_is_one_line_and_no_event(
    slots: Slots, call: object, slot: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "engage_server"):
        assert slots.status(call, slot) == status  # type: ignore[arg-type]
    assert slots.journal.events == []
    (record,) = caplog.records
    assert "192.0.2.9" in record.getMessage()
    assert f"with {status}" in record.getMessage()
    assert "correct horse" not in record.getMessage()


def test_the_login_comes_first(slots: Slots) -> None:
    """A stranger does not learn how an identity would have been judged."""
    assert slots.status(m2u_call(basic("plant:x"), ("x-talk2m-account", "acme"))) == 401
    assert slots.status(m2u_call(basic("plant:x"), *identity(account="stranger"))) == 401


def test_unknown_user_and_wrong_password_get_the_same_answer(slots: Slots) -> None:
    wrong, unknown = (slots.answer(m2u_call(basic(login), *GENUINE)) for login in ("plant:x", "nobody:x"))
    assert wrong == unknown
    assert dict(wrong.fields)["WWW-Authenticate"].startswith("Basic ")


def test_an_account_without_a_list_may_send_for_every_device(slots: Slots) -> None:
    assert slots.status(m2u_call(basic(), *identity("other", "anything"))) == 200


def test_a_slot_may_allow_hidden_identities(tmp_path: Path) -> None:
    slots = Slots(tmp_path, identity="optional")
    assert slots.status(m2u_call(basic(), *hidden())) == 200
    assert slots.journal.events[0].detail["account"] == ""
    assert slots.status(m2u_call(basic(), *identity(account="stranger"))) == 403, "one that is sent still counts"
    assert slots.status(m2u_call(basic())) == 400, "what a proxy removed is not hidden by the account"


def test_a_login_of_a_device_is_for_that_device(tmp_path: Path) -> None:
    secret_file(tmp_path / "all.logins", "ewon-1:one:a\newon-2:two:b")
    slots = Slots(tmp_path, logins_file="all.logins")
    assert slots.status(m2u_call(basic("one:a"), *identity())) == 200
    assert slots.status(m2u_call(basic("two:b"), *identity())) == 403
    assert slots.status(m2u_call(basic("two:b"), *identity(device="ewon-2"))) == 200


def test_a_login_in_the_query_or_a_form(tmp_path: Path) -> None:
    user, password = LOGIN.split(":")
    pairs = urlencode({"u": user, "p": password})
    in_query = Slots(tmp_path, login_in="query", user_field="u", password_field="p")
    assert in_query.status(m2u_call(*GENUINE, query=pairs)) == 200
    assert in_query.status(m2u_call(basic(), *GENUINE)) == 403
    in_form = Slots(tmp_path, login_in="form", user_field="u", password_field="p")
    form = ("content-type", "application/x-www-form-urlencoded")
    assert in_form.status(m2u_call(form, *GENUINE, body=pairs.encode())) == 200
    assert in_form.status(m2u_call(form, *GENUINE, query=pairs)) == 403
    assert "sha256" not in in_form.journal.events[0].detail, "it would help to guess the password"
    assert "sha256" in in_query.journal.events[0].detail


def test_a_slot_may_demand_a_client_certificate(tmp_path: Path) -> None:
    slots = Slots(tmp_path, client_certificate="required")
    assert slots.status(m2u_call()) == 403
    assert slots.status(m2u_call(client_certificate=b"der")) == 200
    assert slots.journal.events[0].detail["client_certificate"] == hashlib.sha256(b"der").hexdigest()
    assert slots.status(m2u_call(*GENUINE, client_certificate=b"der")) == 401, "it replaces no login"


def test_a_new_serial_number_is_an_event_of_its_own(slots: Slots) -> None:
    for serial in ("1", "1", "2", "2", "1"):
        assert slots.status(m2u_call(basic(), *identity(serial=serial))) == 200
    message, new = "m2u_message", "m2u_new_serial_number"
    assert slots.journal.kinds == [message, message, message, new, message, message, new]
    change = slots.journal.events[3]
    assert (change.detail["before"], change.detail["serial_number"], change.detail["device"]) == ("1", "2", "ewon-1")
    assert change.says is PathSays.NOTHING


def test_each_device_has_its_serial_number(slots: Slots) -> None:
    for device, serial in (("ewon-1", "1"), ("ewon-2", "2"), ("ewon-1", "1")):
        assert slots.status(m2u_call(basic(), *identity(device=device, serial=serial))) == 200
    assert slots.status(m2u_call(basic(), *identity(serial=""))) == 200
    assert set(slots.journal.kinds) == {"m2u_message"}


def test_all_workers_know_what_one_has_seen(slots: Slots) -> None:
    """Also that a serial number came back: the second worker saw another one in between."""
    first, second = slots.desk, slots.worker()
    for desk, serial in ((first, "1"), (second, "1"), (second, "2"), (first, "2"), (second, "1"), (first, "1")):
        assert desk.answer(m2u_call(basic(), *identity(serial=serial)), {"slot": "plant"}).status == 200
    assert slots.journal.kinds.count("m2u_new_serial_number") == 2


def test_what_cannot_be_kept_is_asked_for_again(slots: Slots) -> None:
    assert slots.status(m2u_call(basic(), *identity(serial="1"))) == 200
    slots.journal.is_full = True
    assert slots.status(m2u_call(basic(), *identity(serial="1"))) == 503
    assert slots.status(m2u_call(basic(), *identity(serial="2"))) == 503
    slots.journal.is_full = False
    assert slots.status(m2u_call(basic(), *identity(serial="2"))) == 200
    assert slots.journal.kinds[1:] == ["m2u_message", "m2u_new_serial_number"], "it was not forgotten"


def test_a_folder_that_is_gone_loses_no_message_twice(slots: Slots, caplog: pytest.LogCaptureFixture) -> None:
    """Remembering fails, but the message was kept: Talk2M must not send it again for ever."""
    (slots.folder / "m2u").write_text("a file where the folder should be")
    assert slots.status(m2u_call(basic(), *identity())) == 503
    assert slots.journal.events == []
