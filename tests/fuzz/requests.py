"""``scripts/fuzz-requests``: damaged requests, in pieces, end in a whole answer, a refusal or a wait; never in a crash.

What the quick way recognises is held against two others each time: gunicorn's parser with the Flask app behind it,
whose answer must be the same to the byte, and h11, which must have read the same request.
"""

import argparse
import random
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h11

from engage_server.protocol.notice import digest_of
from engage_server.records import CallIn, UnknownDevices
from engage_server.serving.worker.answers.app_pool import AppPool, Rendered
from engage_server.serving.worker.answers.flask_app import FlaskApp
from engage_server.serving.worker.answers.origin_server import OriginServer, Outgoing
from engage_server.serving.worker.answers.prepared_answers import PreparedAnswers
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.memory_budget import MemoryBudget
from engage_server.serving.worker.connections.request_reader import Request, RequestReader
from engage_server.web.app import create_app
from tests.support.running import NOTICE
from tests.support.world import World

QUERY = "?serialNumber=AAAAAAAAAACgsQAAAAACBg==&hashType=primary&v=2"

_CONFIG = '{"serialNumber":"0000000000000000A0B1000000000206","wifi":{"password":"x"}}'
_AUDITS = '{"serialNumber":"0000000000000000A0B1000000000206","audits":[{"event":"0B07"}]}'

TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b",", b";", b"?", b"#", b"%0d%0a", b"\xff", b"//"),
    *(b"Host: a\r\n", b"host: b\r\n", b"Host : c\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
    *(b"Connection: close, x\r\n", b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"Content-Length: +5\r\n"),
    *(b"Content-Length: 5, 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding : chunked\r\n"),
    *(b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: identity\r\n", b"5\r\nabcde\r\n0\r\n\r\n"),
    *(b"Expect: 100-continue\r\n", b"Expect: x\r\n", b" folded\r\n", b"X_Y: 1\r\n", b"Upgrade: h2c\r\n"),
    *(
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"get ",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b" HTTP/2.0",
        b" http/1.1",
        b"http://a/",
    ),
    *(b"X-Forwarded-For: 1.2.3.4\r\n", b"Range: bytes=0-1\r\n", b"If-None-Match: *\r\n", b"Accept: */*\r\n"),
    *(b"{", b"}", b'"', b"[" * 60, b"]", b"NaN", b"1e999", b"\\ud800", b"\xef\xbb\xbf", b"Via: 1.1 x\r\n", b"null"),
]


def seeds(digest: str) -> list[bytes]:
    """Right requests, and some that are famous for being wrong."""
    lines = [
        f"GET {NOTICE} HTTP/1.1\nHost: locks.example.org\n\n",
        f"GET {NOTICE}{QUERY} HTTP/1.1\nHost: 10.44.68.128:80\nUser-Agent: device\nConnection: close\n\n",
        f"HEAD /certificates/{digest}.der HTTP/1.1\nHost: x\nAccept: */*\n\n",
        f"GET /certificates/{digest}.der HTTP/1.1\nHost: x\nConnection: keep-alive\n\n",
        f"GET {NOTICE} HTTP/1.0\n\n",
        f"GET http://locks.example.org{NOTICE} HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\nHost: x\n\nGET /readyz HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\n\nGET {NOTICE} HTTP/1.1\nHost: x\nConnection: close\n\n",
        "POST /swordfish/lock/audit HTTP/1.1\nHost: x\nContent-Length: 5\n\nabcde",
        "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5\nabcde\n0\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\nGET / HTTP/1.1\nHost: x\n\n",
        "POST / HTTP/1.1\nHost: x\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nG",
        "PUT /x HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 3\n\nabc",
        f"PUT /swordfish/lock/Config HTTP/1.1\nHost: x\nContent-Length: {len(_CONFIG)}\n\n{_CONFIG}"
        "GET /swordfish/lock/db/0 HTTP/1.1\nHost: x\n\n",
        f"POST /swordfish/lock/audit HTTP/1.1\nHost: x\nContent-Length: {len(_AUDITS)}\n\n{_AUDITS}",
        f"GET /swordfish/lock/db/0x1F{QUERY} HTTP/1.1\nHost: x\nAuthorization: Device abc\n\n",
        "OPTIONS * HTTP/1.1\nHost: x\n\n",
        "CONNECT a:80 HTTP/1.1\nHost: a\n\n",
    ]
    return [line.replace("\n", "\r\n").encode() for line in lines]


def damaged(chance: random.Random, inputs: list[bytes]) -> bytes:
    """One of the inputs with a few things changed, taken out, put in or repeated; sometimes none."""
    content = bytearray(chance.choice(inputs))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        place = chance.randrange(len(content) + 1)
        kind = chance.random()
        if kind < 0.25 and place < len(content):
            content[place] = chance.randrange(256)
        elif kind < 0.4:
            del content[place : place + chance.randint(1, 30)]
        elif kind < 0.85:
            content[place:place] = chance.choice(TOKENS)
        elif kind < 0.99:
            content[place:place] = content[chance.randrange(len(content) + 1) :][: chance.randint(1, 200)]
        else:
            content[place:place] = bytes([chance.randrange(32, 127)]) * chance.choice((4000, 9000, 40_000))
    return bytes(content)


def _raise() -> None:
    """A defect of the app ends the run."""
    raise  # called while the exception is handled


class InlinePool(AppPool):
    """The pool without its threads: the app answers at once."""

    answered: Rendered | None = None

    def forget(self) -> None:
        """What was answered before."""
        self.answered = None

    def submit(self, connection: Connection, request: Request, server: tuple[str, int]) -> bool:
        """Answer now."""
        self.answered = Rendered(connection, request, 0.0, self._app.answer(connection, request, server))
        return True


class FuzzedServer:
    """The origin server of a device listener, with the real app, and one connection at a time."""

    def __init__(self, world: World) -> None:
        world.add_site()
        world.release()
        world.answer_call_ins(CallIn(insecure=True, unknown=UnknownDevices.ENROLL))
        self.distribution = distribution = world.distribution()
        app = create_app(distribution, call_ins=world.call_ins(distribution))
        self.prepared = PreparedAnswers(app, distribution)
        self.prepared.prepare(distribution.snapshot)
        self.budget: MemoryBudget[Connection] = MemoryBudget(1 << 30)
        self.pool = InlinePool(FlaskApp(app, secure=False, failed=_raise), 1, _raise)
        self.server = OriginServer(self.prepared, self.pool, None, ("127.0.0.1", 80), self.budget, closes_always=False)
        self.digest = digest_of(world.store.release("main", 1).anchor_der)
        self._ends = socket.socketpair()

    def close(self) -> None:
        """Give the sockets back."""
        for end in self._ends:
            end.close()
        self.pool.close()

    def outcome(self, pieces: list[bytes]) -> str:
        """What comes of a conversation: the statuses in order. Raises when an answer is not whole."""
        connection = Connection(self._ends[0], "127.0.0.1", 0.0)
        try:
            return self._conversation(connection, pieces)
        finally:
            connection.give_up_reading()

    def _conversation(self, connection: Connection, pieces: list[bytes]) -> str:
        statuses: list[str] = []
        for piece in pieces:
            content = piece
            while content:
                outgoing = self._take(connection, content)
                content = b""
                if outgoing is None:
                    break
                statuses.append(str(outgoing.status))
                assert_whole(outgoing)
                if connection.closes:
                    return " ".join(statuses)
                content, connection.inbox = connection.inbox, b""
        return " ".join(statuses) or "waits"

    def _take(self, connection: Connection, content: bytes) -> Outgoing | None:
        self.pool.forget()
        outgoing = self.server.take(connection, content)
        if outgoing is None and self.pool.answered is not None:
            outgoing = self.server.rendered(self.pool.answered)
        return outgoing

    def assert_the_same_as_the_app(self, content: bytes) -> bool:
        """Hold what the quick way makes of it against the app's answer and h11's reading. False if it passes it on."""
        recognised = self.prepared.recognise(content)
        if recognised is None:
            return False
        quick = self._take(Connection(self._ends[0], "127.0.0.1", 0.0), content)
        reader = RequestReader()
        request = reader.feed(content)
        assert request is not None, content
        assert not reader.rest(), content
        connection = Connection(self._ends[0], "127.0.0.1", 0.0)
        self.pool.submit(connection, request, ("127.0.0.1", 80))
        assert self.pool.answered is not None
        slow = self.server.rendered(self.pool.answered)
        assert quick is not None, content
        assert _without_date(quick.content) == _without_date(slow.content), content
        assert (quick.connection.closes, quick.route, quick.status, quick.serial) == (
            (connection.closes, slow.route, slow.status, slow.serial)
        ), content
        judge = h11.Connection(h11.SERVER)
        judge.receive_data(content)
        event = judge.next_event()
        assert isinstance(event, h11.Request), content
        assert event.method.decode() == ("HEAD" if recognised.is_head else "GET")
        assert event.target.decode().partition("?")[::2] == (recognised.path, recognised.query)
        assert [value.decode() for name, value in event.headers if name == b"host"] == [recognised.host], content
        assert isinstance(judge.next_event(), h11.EndOfMessage), content
        assert (judge.their_state is h11.MUST_CLOSE) is not recognised.keeps_alive, content
        return True


def assert_whole(outgoing: Outgoing) -> None:
    """An answer has a status line, right fields, and exactly as many bytes of body as it says."""
    head, _, body = outgoing.content.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 %d [ -~]+" % outgoing.status, lines[0]), outgoing
    fields = [re.fullmatch(rb"([A-Za-z-]+): ([ -~]*)", line) for line in lines[1:]]
    assert all(fields), outgoing
    lengths = [int(field[2]) for field in fields if field and field[1] == b"Content-Length"]
    assert len(lengths) == 1, outgoing
    assert len(body) == (0 if outgoing.method == "HEAD" else lengths[0]), outgoing
    ends = [field[2] for field in fields if field and field[1] == b"Connection"]
    assert ends == [b"close" if outgoing.connection.closes else b"keep-alive"], outgoing


def _without_date(content: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]+", b"Date: -", content, count=1)


def in_pieces(chance: random.Random, content: bytes) -> list[bytes]:
    """All at once most of the time, else cut at random."""
    if chance.random() < 0.6 or len(content) < 2:
        return [content]
    cuts = sorted(chance.sample(range(1, len(content)), min(len(content) - 1, chance.randint(1, 4))))
    return [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def run(server: FuzzedServer, count: int, seed: int) -> Iterator[tuple[str, bool, float]]:
    """For each input: the outcome, whether the quick way knew it, and the seconds that it took."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    inputs = seeds(server.digest)
    for _ in range(count):
        content = damaged(chance, inputs)
        begun = time.perf_counter()
        outcome = server.outcome(in_pieces(chance, content))
        took = time.perf_counter() - begun
        yield outcome, server.assert_the_same_as_the_app(content), took


@contextmanager
def fuzzed_server(folder: Path) -> Iterator[FuzzedServer]:
    """A server on a world in this folder, for as long as it is needed."""
    with World(folder) as world:
        server = FuzzedServer(world)
        try:
            yield server
        finally:
            server.close()


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-requests", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    recognised, slowest = 0, 0.0
    with tempfile.TemporaryDirectory() as folder, fuzzed_server(Path(folder)) as server:
        for number, (outcome, was_recognised, took) in enumerate(run(server, options.count, options.seed), 1):
            outcomes[outcome if len(outcome) <= 7 else "several answers"] += 1
            recognised += was_recognised
            slowest = max(slowest, took)
            if number % 50_000 == 0:
                print(f"{number} inputs ...", flush=True)  # noqa: T201  # a program's output
    print(f"{options.count} inputs, seed {options.seed}: {dict(outcomes.most_common())}")  # noqa: T201  # a program's output
    print(f"recognised by the quick way: {recognised}; slowest {slowest:.3f} s; no crash")  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
