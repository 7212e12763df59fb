"""``scripts/fuzz-links m2u``: damaged calls of Talk2M end in an answer, and none is accepted that should not be.

Each goes through the worker's reader of requests, the ingress's app and a slot's desk. What is accepted is held against
a second reading of the same bytes, which knows nothing of the first: the login, the three names, once each, and no
look-alike.
"""

import base64
import logging
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote_plus

from engage_server.links.ingress.app import IngressApp
from engage_server.links.ingress.call import Route
from engage_server.links.ingress.ends import End
from engage_server.links.registry.listeners import PlainTable
from engage_server.links.registry.table import Where
from engage_server.records import read_network
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import RequestReader, RequestRefused
from tests.fuzz.requests import TOKENS
from tests.support.m2u import ACCOUNTS, AT, LOGIN, Slots

_NAMES = (b"x_talk2m_account", b"x_talk2m_device", b"x_talk2m_serialnumber")
_GENUINE = b"X_Talk2M_Account: acme\r\nX_Talk2M_Device: ewon-1\r\nX_Talk2M_SerialNumber: 1\r\n"
_HIDDEN = b"X_Talk2M_Account:\r\nX_Talk2M_Device:\r\nX_Talk2M_SerialNumber:\r\n"
_BASIC = b"Authorization: Basic " + base64.b64encode(LOGIN.encode()) + b"\r\n"
_FORM = b"user=plant&password=correct+horse&a=1"
_PATHS = {b"basic": b"/m2u/basic", b"query": b"/m2u/query", b"form": b"/m2u/form", b"hidden": b"/m2u/hidden"}

M2U_TOKENS = [
    *TOKENS,
    *(_GENUINE, _BASIC, _HIDDEN, _FORM, b"X-Talk2M-Account: acme\r\n", b"X-Talk2M_Device: ewon-1\r\n"),
    *(b"x_talk2m_account: other\r\n", b"X_Talk2M_Account: stranger\r\n", b"X_Talk2M-SerialNumber: 1\r\n"),
    *(b"Authorization: Basic eDp5\r\n", b"Authorization: Bearer x\r\n", b"_", b"-", b"acme", b"other", b"ewon-2"),
    *(b"Content-Type: application/x-www-form-urlencoded\r\n", b"&user=plant", b"&password=x", b"plant", b"%", b"+"),
    *(b"/m2u/basic", b"/m2u/query", b"/m2u/form", b"/m2u/hidden", b"/healthz", b"correct horse", b"\xc3\xb6", b"\xf6"),
]


def seeds() -> list[bytes]:
    """Right calls of each kind of slot, and some that are refused."""
    length = str(len(_FORM)).encode()
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + length + b"\r\n"
    good = [
        b"POST /m2u/basic HTTP/1.1\r\nHost: x\r\n" + _BASIC + _GENUINE + b"Content-Length: 3\r\n\r\nabc",
        b"GET /m2u/basic HTTP/1.1\r\nHost: x\r\n" + _BASIC + _GENUINE + b"\r\n",
        b"POST /m2u/basic HTTP/1.1\r\n"
        + _GENUINE
        + _BASIC
        + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"GET /m2u/query?" + _FORM + b" HTTP/1.1\r\nHost: x\r\n" + _GENUINE + b"\r\n",
        b"POST /m2u/form HTTP/1.1\r\nHost: x\r\n" + form + _GENUINE + b"\r\n" + _FORM,
        b"POST /m2u/hidden HTTP/1.1\r\nHost: x\r\n" + _BASIC + _HIDDEN + b"\r\n",
    ]
    forged = [each.replace(b"X_Talk2M_", b"X-Talk2M-") for each in good]
    strangers = [each.replace(_BASIC, b"").replace(b"horse", b"house") for each in good]
    return [*good, *good, *forged, *strangers]


class FuzzedIngress:
    """The app with four slots, one of each kind, and one connection at a time."""

    def __init__(self, folder: Path) -> None:
        self.slots = {}
        for name, keys in (
            ("basic", {}),
            ("query", {"login_in": "query"}),
            ("form", {"login_in": "form"}),
            ("hidden", {"identity": "optional", "accounts": {}}),
        ):
            (folder / name).mkdir()
            self.slots[name] = Slots(folder / name, slot=name, **keys)
        plain = PlainTable("lan", "127.0.0.1", 80, ("m2u",), (read_network("127.0.0.0/8"),), Where(folder))
        routes = [
            Route(f"/m2u/<any({name}):slot>", ("GET", "POST"), "m2u", slot.desk.answer)
            for name, slot in self.slots.items()
        ]
        log = logging.getLogger("fuzz")
        self.app = IngressApp(End("127.0.0.1", 80, plain=plain), routes, [], lambda: AT, log)

    def status(self, content: bytes, connection: Connection) -> int:
        """The status of the answer to these bytes; 0 if more must come."""
        reader = RequestReader(self.app.body_limit)
        try:
            request = reader.feed(content)
        except RequestRefused as refused:
            return refused.status
        finally:
            reader.close()
        return 0 if request is None else self.app.answer(connection, request, ("127.0.0.1", 80)).status

    def events(self) -> int:
        """How many events there are since the last call."""
        count = sum(len(slot.journal.events) for slot in self.slots.values())
        for slot in self.slots.values():
            slot.journal.events.clear()
        return count


def damaged(chance: random.Random, inputs: list[bytes]) -> bytes:
    """One of the inputs with a few things changed, taken out, put in or repeated; sometimes none."""
    content = bytearray(chance.choice(inputs))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
        place = chance.randrange(len(content) + 1)
        kind = chance.random()
        if kind < 0.25 and place < len(content):
            content[place] = chance.randrange(256)
        elif kind < 0.35:
            del content[place : place + chance.randint(1, 20)]
        elif kind < 0.9:
            if chance.random() < 0.6:  # at the beginning of a line, where a field would stand
                place = content.find(b"\n", place) + 1 or place
            content[place:place] = chance.choice(M2U_TOKENS)
        else:
            content[place:place] = content[chance.randrange(len(content) + 1) :][: chance.randint(1, 200)]
    return bytes(content)


def may_be_accepted(content: bytes) -> bool:
    """Whether these bytes hold what an accepted call must have, by a reading of its own."""
    head, _, body = content.lstrip(b"\r\n").partition(b"\r\n\r\n")  # RFC 9112 section 2.2
    line, *fields = head.split(b"\r\n")
    named = [(name.lower(), value.strip(b" \t")) for name, _, value in (field.partition(b":") for field in fields)]
    target = line.split(b" ")[1]
    path, _, query = target.partition(b"#")[0].partition(b"?")
    slot = next((name for name, end in _PATHS.items() if path.endswith(end)), b"") or _percent_decoded(path)
    identity = [[value for name, value in named if name == wanted] for wanted in _NAMES]
    if any(len(values) != 1 for values in identity):
        return False
    if any(name.replace(b"-", b"_") in _NAMES and name not in _NAMES for name, _ in named):
        return False
    account, device, serial = (values[0].decode("utf-8", "replace") for values in identity)
    is_hidden = not (account or device or serial)
    if slot == b"hidden":
        is_right = is_hidden
    else:
        is_right = account in ACCOUNTS and (not ACCOUNTS[account] or device in ACCOUNTS[account])
    return is_right and _has_login(slot, named, query, body)


def _has_login(slot: bytes, named: list[tuple[bytes, bytes]], query: bytes, body: bytes) -> bool:
    if slot in (b"basic", b"hidden"):
        given = [value for name, value in named if name == b"authorization"]
        return len(given) == 1 and base64.b64decode(given[0].split(None, 1)[1]) == LOGIN.encode()
    text = unquote_plus((query if slot == b"query" else body).decode("latin-1"))
    return "correct horse" in text and "plant" in text


def _percent_decoded(path: bytes) -> bytes:
    found = unquote_plus(path.decode("latin-1")).rpartition("/")[2].encode("latin-1", "replace")
    return found if found in _PATHS else b""


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """Send so many calls; what came of each, and its seconds. Raises at a crash, and at a wrong acceptance."""
    chance, inputs = random.Random(seed), seeds()  # noqa: S311  # nothing is kept secret with it
    with tempfile.TemporaryDirectory() as folder, closing(_Ends()) as ends:
        ingress = FuzzedIngress(Path(folder))
        for _ in range(count):
            content = damaged(chance, inputs)
            begun = time.perf_counter()
            status = ingress.status(content, ends.connection)
            seconds = time.perf_counter() - begun
            assert status != 500, (seed, content)
            events = ingress.events()
            if events:  # a 200 without one is that of /healthz
                assert status == 200, (seed, content)
                assert may_be_accepted(content), (seed, content)
            yield ("accepted" if events else str(status or "wait")), seconds


class _Ends:
    """A connection that nobody reads."""

    def __init__(self) -> None:
        self._sockets = socket.socketpair()
        self.connection = Connection(self._sockets[0], "127.0.0.1", 0.0)

    def close(self) -> None:
        """Give the sockets back."""
        for each in self._sockets:
            each.close()
