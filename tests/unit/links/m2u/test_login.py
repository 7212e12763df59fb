"""A login is looked for in one place, must be there once, and its check takes the same steps for everybody."""

import hmac
from urllib.parse import urlencode

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.m2u.login import LoginIn, Logins, presented_login, read_login, read_logins
from engage_server.records import Secret
from tests.support.m2u import basic, m2u_call

FIELDS = ("user", "password")
FORM = ("content-type", "application/x-www-form-urlencoded")
PAIRS = {"user": "plant", "password": "correct horse"}
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="user"\r\n\r\nplant\r\n'
    b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\ncorrect horse\r\n'
    b'--b\r\nContent-Disposition: form-data; name="log"; filename="a.csv"\r\n\r\n1;2\r\n--b--\r\n'
)


@pytest.fixture
def logins() -> Logins:
    return Logins([(None, b"plant", b"correct horse")])


RIGHT: list[tuple[LoginIn, object]] = [
    ("basic", m2u_call(basic())),
    ("basic", m2u_call(("authorization", basic()[1].replace("Basic", "bAsIc")))),
    ("query", m2u_call(("host", "x"), query=f"a=1&{urlencode(PAIRS)}")),
    ("form", m2u_call(FORM, body=urlencode(PAIRS).encode())),
    ("form", m2u_call(("content-type", f"{FORM[1]}; charset=utf-8"), body=urlencode(PAIRS).encode())),
    ("form", m2u_call(("content-type", "multipart/form-data; boundary=b"), body=MULTIPART)),
]


@pytest.mark.parametrize(("login_in", "call"), RIGHT)
def test_a_login_is_found_where_it_is_expected(logins: Logins, login_in: LoginIn, call: object) -> None:
    assert logins.device_of(presented_login(call, login_in, FIELDS)) == (True, None)  # type: ignore[arg-type]
    for other in ("basic", "query", "form"):
        if other != login_in:
            assert presented_login(call, other, FIELDS) is None  # type: ignore[arg-type]


NONE: list[tuple[LoginIn, object]] = [
    ("basic", m2u_call(("host", "x"))),
    ("basic", m2u_call(basic(), basic())),
    ("basic", m2u_call(("authorization", basic()[1].replace("Basic", "Bearer")))),
    ("basic", m2u_call(("authorization", "Basic"))),
    ("basic", m2u_call(("authorization", "Basic !!!!"))),
    ("basic", m2u_call(("authorization", "Basic cGxhbnQ="))),
    ("basic", m2u_call(("authorization", basic()[1] + "\xe9"))),
    ("query", m2u_call(("host", "x"), query=f"{urlencode(PAIRS)}&user=plant")),
    ("query", m2u_call(("host", "x"), query="user=plant")),
    ("query", m2u_call(("host", "x"), query="a=1&" * 200 + urlencode(PAIRS))),
    ("form", m2u_call(FORM, FORM, body=urlencode(PAIRS).encode())),
    ("form", m2u_call(("content-type", "text/plain"), body=urlencode(PAIRS).encode())),
    ("form", m2u_call(FORM, body=urlencode(PAIRS).encode() + b"\xff")),
    ("form", m2u_call(("content-type", "multipart/form-data"), body=MULTIPART)),
    ("form", m2u_call(("content-type", "multipart/form-data; boundary=b"), body=MULTIPART[:-30])),
    ("form", m2u_call(("content-type", "multipart/form-data; boundary=b"), body=MULTIPART[:59] + MULTIPART)),
]


@pytest.mark.parametrize(("login_in", "call"), NONE)
def test_anything_else_is_no_login(logins: Logins, login_in: LoginIn, call: object) -> None:
    assert logins.device_of(presented_login(call, login_in, FIELDS)) == (False, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "login", ["plant:wrong", "plan:t:correct horse", "nobody:correct horse", ":", "plant:", "x:y:z"]
)
def test_a_wrong_login_is_wrong(logins: Logins, login: str) -> None:
    assert logins.device_of(presented_login(m2u_call(basic(login)), "basic", FIELDS)) == (False, None)


def test_the_steps_are_the_same_for_everybody(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many digests, and one comparison of the same length, whoever asks: so time says nothing."""
    digest, compare, steps = hmac.digest, hmac.compare_digest, list[tuple[str, int]]()

    def counted_digest(key: bytes, content: bytes, kind: object) -> bytes:
        steps.append(("digest", 0))
        return digest(key, content, kind)  # type: ignore[arg-type]

    def counted_compare(one: bytes, other: bytes) -> bool:
        steps.append(("compare", len(one) + len(other)))
        return compare(one, other)

    monkeypatch.setattr("engage_server.links.m2u.login.hmac.digest", counted_digest)
    monkeypatch.setattr("engage_server.links.m2u.login.hmac.compare_digest", counted_compare)
    found = []
    for call in (m2u_call(basic()), m2u_call(basic("plant:x")), m2u_call(basic("nobody:x")), m2u_call(("host", "x"))):
        steps.clear()
        logins.device_of(presented_login(call, "basic", FIELDS))
        found.append(list(steps))
    assert found == [[("digest", 0), ("digest", 0), ("compare", 64)]] * 4


def test_logins_of_devices_say_whose_they_are() -> None:
    logins = Logins(read_logins(Secret(b"ewon-1:one:a:b\n\newon-2:two:c\n"), "file"))
    assert logins.are_of_devices
    assert logins.device_of(presented_login(m2u_call(basic("one:a:b")), "basic", FIELDS)) == (True, "ewon-1")
    assert logins.device_of(presented_login(m2u_call(basic("two:c")), "basic", FIELDS)) == (True, "ewon-2")
    assert logins.device_of(presented_login(m2u_call(basic("two:a:b")), "basic", FIELDS)) == (False, None)


@pytest.mark.parametrize("text", [b"S3cret", b":S3cret", b"S3cret:", b"a:S3cret\nb:c"])
def test_a_file_with_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(SettingsInvalid, match="is not one login") as caught:
        read_login(Secret(text), "file")
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize("text", [b"\n", b"a:b", b"a:S3cret:", b":b:c", b"d:u:p\ne:u:q"])
def test_a_file_of_logins_with_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(SettingsInvalid, match="file") as caught:
        read_logins(Secret(text), "file")
    assert "S3cret" not in str(caught.value)


def test_nothing_of_a_login_stays_in_memory(logins: Logins) -> None:
    def octets(value: object) -> list[object]:
        if isinstance(value, dict):
            return [each for pair in value.items() for part in pair for each in octets(part)]
        slots = getattr(type(value), "__slots__", ())
        return [each for name in slots for each in octets(getattr(value, name))] if slots else [value]

    kept = [each for value in vars(logins).values() for each in octets(value)]
    assert any(isinstance(each, bytes) and len(each) == 32 for each in kept)
    assert not any(isinstance(each, bytes) and (b"plant" in each or b"horse" in each) for each in kept)
