"""Requests to a slot in every spelling of Talk2M's header fields, and what the ingress has to answer. Pure.

The identity in them is of an account that is on no list. So a genuine spelling is answered with "not allowed": its
login was right, and its identity was read. Nothing is recorded.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from engage_server.links.m2u.slot_keys import SlotKeys

_ACCOUNT, _DEVICE, _SERIAL = "X_Talk2M_Account", "X_Talk2M_Device", "X_Talk2M_SerialNumber"
DEVICE = "engage-m2u-check"

NOT_ALLOWED = (403, "not allowed")
_ANY = ""
Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One request.

    Attributes:
        name: What is tried, for people.
        request: All of its bytes.
        status: What the ingress must answer.
        error: The text of the error in its body. "" for any.
    """

    name: str
    request: bytes
    status: int
    error: str


def cases(keys: SlotKeys, host: str, login: tuple[bytes, bytes], account: str) -> Iterator[Case]:
    """Yield all cases for a slot.

    Args:
        keys: The keys of the slot.
        host: For the Host field.
        login: A right one: user and password.
        account: A name that is on no list.
    """
    for name, fields, status, error in _spellings(account):
        yield Case(name, _request(keys, host, fields, login), status, error)
    genuine = _genuine(account)
    yield Case("no identity", _request(keys, host, (), login), 400, _ANY)
    if keys.identity == "required":
        hidden = [(name, "") for name, _ in genuine]
        yield Case("hidden identity", _request(keys, host, hidden, login), *NOT_ALLOWED)
    refused = (401 if keys.login_in == "basic" else 403, "unauthorized")
    yield Case("wrong password", _request(keys, host, genuine, (login[0], login[1] + b"x")), *refused)
    yield Case("no login", _request(keys, host, genuine, None), *refused)


def message(keys: SlotKeys, host: str, login: tuple[bytes, bytes], account: str, device: str) -> Case:
    """Return a request that the ingress accepts and records. It has no serial number, so none is remembered."""
    fields = [(_ACCOUNT, account), (_DEVICE, device), (_SERIAL, "")]
    return Case("a whole message", _request(keys, host, fields, login), 200, _ANY)


def _genuine(account: str) -> list[tuple[str, str]]:
    return [(_ACCOUNT, account), (_DEVICE, DEVICE), (_SERIAL, "1")]


def _spellings(account: str) -> Iterator[tuple[str, Fields, int, str]]:
    first, *rest = _genuine(account)
    for name, word in (("as Talk2M sends it", _ACCOUNT), ("lower case", _ACCOUNT.lower()), ("upper", _ACCOUNT.upper())):
        yield f"{word}: {name}", [(word, account), *rest], *NOT_ALLOWED
    for word in ("X-Talk2M-Account", "X-Talk2M_Account", "X_Talk2M-Account"):
        yield f"{word}: instead of the genuine one", [(word, account), *rest], 400, _ANY
    yield "X-Talk2M-Account: beside the genuine one", [first, ("X-Talk2M-Account", account), *rest], 400, _ANY
    yield f"{_ACCOUNT}: twice", [first, first, *rest], 400, _ANY
    yield f"{_ACCOUNT} : a space before the colon", [(f"{_ACCOUNT} ", account), *rest], 400, _ANY


def _request(keys: SlotKeys, host: str, fields: Fields, login: tuple[bytes, bytes] | None) -> bytes:
    path, body, more = f"/m2u/{keys.slot}", b"", list[tuple[str, str]]()
    if keys.login_in == "basic":
        if login is not None:
            more.append(("Authorization", f"Basic {base64.b64encode(b':'.join(login)).decode()}"))
    else:
        names = (keys.user_field, keys.password_field)
        pairs = urlencode(list(zip(names, login, strict=True))) if login is not None else "a=b"
        if keys.login_in == "query":
            path += f"?{pairs}"
        else:
            body = pairs.encode()
            more.append(("Content-Type", "application/x-www-form-urlencoded"))
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (*more, *fields)]
    return "\r\n".join((*lines, "", "")).encode() + body
