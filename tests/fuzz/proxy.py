"""``scripts/fuzz-proxy``: damaged PROXY headers end in an address, a refusal or a wait; never in a crash.

Each header is held against a second reading of the same bytes, which shares no code with the first. It says whose
connection it is, and where the header ends: not one byte more may be read, since TLS or the request begins there.
"""

import argparse
import json
import random
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from engage_server.protocol.proxy_protocol import MOST_BYTES, SIGNATURE
from engage_server.serving.worker.connections.proxied import ProxiedClients
from tests.support.installation import make_installation
from tests.support.running import NOTICE, RunningPair, eventually, running_pair

ASK = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
BALANCER = "127.0.0.2"
EVERY_TLS = 8  # of so many connections, one goes to the TLS listener

_ADDRESSES = {0x11: 4, 0x21: 16}
_BEGIN = re.compile(rb"\r\n\r\n\x00\r\nQUIT\n([\x20\x21])(.)(.)(.)", re.DOTALL)
_MAPPED = bytes(10) + b"\xff\xff"
_INTERESTING = (0, 1, 11, 12, 13, 35, 36, 37, 519, 520, 521, 522, 4096, 0xFFFF)


@dataclass(frozen=True)
class Reading:
    """What a header says: ``refused``, ``waits``, ``local`` or ``passed on``; the two addresses; where it ends."""

    outcome: str
    client: bytes = b""
    called: bytes = b""
    end: int = 0


def judged(content: bytes) -> Reading:
    """The second reading, after section 2.2 of HAProxy's document."""
    if len(content) < len(SIGNATURE) or not content.startswith(SIGNATURE):
        return Reading("waits" if SIGNATURE.startswith(content) else "refused")
    if len(content) < 16:
        return Reading("waits")
    found = _BEGIN.match(content)
    if found is None:
        return Reading("refused")
    command, family, high, low = (each[0] for each in found.groups())
    end = 16 + 256 * high + low
    if end > MOST_BYTES:
        return Reading("refused")
    if len(content) < end:
        return Reading("waits")
    if command == 0x20 or family == 0:
        return Reading("local", end=end)
    size = _ADDRESSES.get(family)
    if size is None or end < 16 + 2 * size + 4:
        return Reading("refused")
    return Reading("passed on", content[16 : 16 + size], content[16 + size : 16 + 2 * size], end)


def packed(address: str) -> bytes:
    """An address as it stands in a header."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def header(command: int, family: int, rest: bytes) -> bytes:
    """A header with a length that is right."""
    return SIGNATURE + bytes((command, family)) + len(rest).to_bytes(2, "big") + rest


def seeds() -> list[bytes]:
    """Right headers, and some that are famous for being wrong, each before a request."""
    four = bytes((127, 0, 0, 9)) + bytes((192, 0, 2, 1)) + b"\xc3\x50\x00\x50"
    six = packed("2001:db8::7") + packed("2001:db8::1") + b"\xc3\x50\x00\x50"
    mapped = _MAPPED + four[:4] + _MAPPED + four[4:8] + four[8:]
    extension = b"\x04\x00\x03abc"
    whole = [
        *(header(0x21, 0x11, four), header(0x21, 0x21, six), header(0x21, 0x21, mapped)),
        *(header(0x20, 0x00, b""), header(0x20, 0x11, four), header(0x21, 0x00, b"")),
        *(header(0x21, 0x11, four + extension), header(0x21, 0x21, six + extension * 80)),
        *(header(0x21, 0x12, four), header(0x21, 0x31, bytes(216)), header(0x21, 0x11, four[:9])),
        *(header(0x21, 0x11, four + bytes(508)), header(0x21, 0x11, four + bytes(509)), header(0x11, 0x11, four)),
        *(header(0x22, 0x11, four), b"PROXY TCP4 127.0.0.9 192.0.2.1 50000 80\r\n", b"\r\n\r\n", b""),
    ]
    return [each + ASK for each in whole]


def damaged(chance: random.Random, inputs: list[bytes]) -> bytes:
    """One of the inputs with a few things changed, taken out, put in or repeated; sometimes none."""
    content = bytearray(chance.choice(inputs))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        place = chance.randrange(min(len(content), 60) + 1)
        kind = chance.random()
        if kind < 0.3 and place < len(content):
            content[place] = chance.randrange(256)
        elif kind < 0.5 and len(content) > 16:
            content[14:16] = chance.choice(_INTERESTING).to_bytes(2, "big")
        elif kind < 0.65:
            del content[place : place + chance.randint(1, 20)]
        elif kind < 0.75:
            del content[place:]
        elif kind < 0.9:
            content[place:place] = chance.randbytes(chance.randint(1, 20))
        else:
            content[place:place] = chance.choice(inputs)[: chance.randint(1, 600)]
    return bytes(content)


def in_pieces(chance: random.Random, content: bytes) -> list[bytes]:
    """As they may arrive: in one piece most often."""
    if chance.random() < 0.6 or not content:
        return [content]
    cuts = sorted(chance.randrange(len(content) + 1) for _ in range(chance.randint(1, 4)))
    return [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def read(pieces: list[bytes], *, reads_on: bool) -> Reading:
    """What the listener's own reader makes of them, over a socket.

    Args:
        pieces: As they arrive.
        reads_on: As a plain listener does: what follows the header is read with it.
    """
    ours, theirs = socket.socketpair()
    welcomed: list[tuple[str, str, bool, bytes]] = []
    refused: list[str] = []
    watched: dict[int, Callable[[], object]] = {}
    clients = ProxiedClients(
        (ip_network(BALANCER),),
        5.0,
        2,
        watch=watched.__setitem__,
        forget=watched.__delitem__,
        welcome=lambda _client, *how: welcomed.append(how),
        refused=refused.append,
        reads_on=reads_on,
    )
    with closing(ours), closing(theirs):
        sent = 0
        for piece in filter(None, pieces):
            ours.sendall(piece)
            if sent:
                [call() for call in list(watched.values())]
            else:
                clients.accept(theirs, BALANCER, 0.0)
            sent += len(piece)
            if refused:
                return Reading("refused")
            for client, called, is_local, over in welcomed:
                end = sent - len(over) - len(_what_is_left(theirs))
                return (
                    Reading("local", end=end) if is_local else Reading("passed on", packed(client), packed(called), end)
                )
        return Reading("waits")


def _what_is_left(connection: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return connection.recv(65536, socket.MSG_DONTWAIT)
    return b""


def assert_same(found: Reading, expected: Reading, content: bytes) -> None:
    """Two readings agree. An IPv4 address inside an IPv6 one is spelled as itself."""
    plain = Reading(*expected_addresses(expected))
    assert found == plain, (content, found, plain)


def expected_addresses(expected: Reading) -> tuple[str, bytes, bytes, int]:
    """A reading's parts, with addresses as we spell them."""
    client, called = (
        each.removeprefix(_MAPPED) if len(each) == 16 else each for each in (expected.client, expected.called)
    )
    return expected.outcome, client, called, expected.end


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """Read so many headers; what came of each, and its seconds. Raises where the two readings differ."""
    chance, inputs = random.Random(seed), seeds()  # noqa: S311  # nothing is kept secret with it
    for _ in range(count):
        content = damaged(chance, inputs)
        pieces = in_pieces(chance, content)
        begun = time.perf_counter()
        found = read(pieces, reads_on=chance.random() < 0.5)
        seconds = time.perf_counter() - begun
        assert_same(found, judged(content), content)
        yield found.outcome, seconds


def answer_of(port: int, content: bytes) -> bytes:
    """What a listener sends back to a balancer, until it closes."""
    answer = b""
    with closing(socket.socket()) as connection:
        connection.settimeout(20)
        connection.bind((BALANCER, 0))
        connection.connect(("127.0.0.1", port))
        with suppress(ConnectionError):
            connection.sendall(content)
            with suppress(OSError):  # it may be closed by now
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                answer += more
    return answer


def run_connections(pair: RunningPair, count: int, seed: int) -> Iterator[str]:
    """Open so many connections to a pair that reads headers from BALANCER; what came of each.

    Raises if a header that cannot be used got an answer, if a right one got none, if the log has another address than
    the header, or if a worker died.
    """
    chance, inputs = random.Random(seed), seeds()  # noqa: S311  # nothing is kept secret with it
    workers = pair.workers()
    expected: list[str] = []
    for number in range(count):
        content = damaged(chance, inputs)
        reading = judged(content)
        if number % EVERY_TLS == 0:
            answer = answer_of(pair.https_port, content)
            assert not answer.startswith(b"HTTP"), content
        else:
            answer = answer_of(pair.http_port, content)
            is_whole = content[reading.end :] == ASK and reading.outcome in ("local", "passed on")
            assert answer.startswith(b"HTTP/1.1 200") or not is_whole, (content, answer)
            if answer.startswith(b"HTTP/1.1 200"):  # a damaged request may still be one
                client = expected_addresses(reading)[1] or packed(BALANCER)
                expected.append(socket.inet_ntop(socket.AF_INET if len(client) == 4 else socket.AF_INET6, client))
        if reading.outcome in ("refused", "waits"):
            assert answer == b"", (content, answer)
        yield reading.outcome
    eventually(lambda: len(served(pair)) >= len(expected), "all lines are in the log")
    assert [packed(each) for each in served(pair)] == [packed(each) for each in expected]
    assert pair.workers() == workers, "no worker died"
    assert "Traceback" not in pair.log


def served(pair: RunningPair) -> list[str]:
    """The addresses of the access log that got the notice, in order."""
    found = []
    for line in pair.log.splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry.get("event") == "request" and entry["status"] == 200:
                found.append(entry["address"])
    return found


def main() -> None:
    """Read as many as asked for, and print what came of them."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-proxy", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="headers for the reader")
    parser.add_argument("--connections", type=int, default=5_000, help="connections to a running pair")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counted: Counter[str] = Counter()
    worst = 0.0
    for found, seconds in run(options.count, options.seed):
        counted[found] += 1
        worst = max(worst, seconds)
    said = f"{options.count} headers, seed {options.seed}: {dict(counted)}; the slowest took {worst:.3f} s"
    print(said)  # noqa: T201  # a program's output
    with tempfile.TemporaryDirectory(prefix="engage-fuzz") as folder:
        settings = {"ENGAGE_PROXY_PROTOCOL_FROM": f"{BALANCER}/32"}
        with running_pair(make_installation(Path(folder)), "--workers", "1", **settings) as pair:
            counted = Counter(run_connections(pair, options.connections, options.seed))
    print(f"{options.connections} connections: {dict(counted)}")  # noqa: T201  # a program's output
    print("no crash, no wrong address, no byte too many")  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
