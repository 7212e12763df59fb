"""What strangers on the network do to a pair on 127.0.0.1, for a while: one function for each attack.

Each runs in a process of its own, from addresses of 127.0.1.0/24, bounded in connections and time, and counts what it
did in a :class:`Tally`: an attack that did nothing proves nothing.
"""

import json
import os
import random
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from tests.support.hello_client import Hello, HelloClient, NotOffered, recorded_hello
from tests.support.hostile import client_hello
from tests.support.running import NOTICE
from tests.support.strangers import REFUSALS, Clock, Held, Tally, Target, counting, holding

AUDIT = "/swordfish/lock/audit"
MEBIBYTE = 1024 * 1024
ANNOUNCED_HELLO = bytes.fromhex(
    "160301000501 01FFB803".replace(" ", "")
)  # a ClientHello of 131,000 octets, and no more
_EXPENSIVE = ("ffdhe8192", "ffdhe4096", "P-521", "P-384")


def _request(path: str, length: int, host: str = "localhost") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n".encode()


def evictions(target: Target, clock: Clock, tally: Tally) -> None:
    """Connections that give way at the limit while something of theirs has just arrived."""
    held = {secure: deque[socket.socket]() for secure in (False, True)}
    while clock.runs():
        for secure, connections in held.items():
            for _ in range(40):
                with suppress(OSError):
                    connections.append(target.dial(secure=secure))
                    tally["connections"] += 1
            if len(connections) > target.held:
                for each in islice(connections, 200):
                    with suppress(OSError):
                        tally["octets"] += each.send(b"\x16" if secure else b"G")
                for _ in range(40):
                    connections.popleft().close()
    for connections in held.values():
        for each in connections:
            each.close()


def announced_hellos(target: Target, clock: Clock, tally: Tally) -> None:
    """A ClientHello of 131,000 octets is announced, and never comes."""

    def opened() -> socket.socket:
        connection = target.dial(secure=True)
        connection.sendall(ANNOUNCED_HELLO)
        return connection

    holding(target, clock, tally, opened)


def silent(target: Target, clock: Clock, tally: Tally) -> None:
    """Connections to the TLS port without a word."""
    holding(target, clock, tally, lambda: target.dial(secure=True))


def chunk_extensions(target: Target, clock: Clock, tally: Tally) -> None:
    """Chunks of one octet with 8,000 octets of extensions, up to 63.5 MiB; ever smaller bodies fill up the rest."""
    head = f"POST {AUDIT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"1;" + b"a" * 8000 + b"\r\nx\r\n"
    held = Held(64)
    while clock.runs():
        for size in (int(63.5 * MEBIBYTE), *(400_000 >> each for each in range(7))):
            with suppress(*REFUSALS):
                connection = target.secured()
                held.add(connection)
                connection.sendall(head)
                for _ in range(max(1, size // len(chunk))):
                    connection.sendall(chunk)
                    tally["chunks"] += 1
                    if not clock.runs():
                        break
        time.sleep(0.5)
    held.close()


def stalling_bodies(target: Target, clock: Clock, tally: Tally) -> None:
    """Bodies of 1 MiB whose last octet does not come."""

    def opened() -> socket.socket:
        connection = target.secured()
        connection.sendall(_request(AUDIT, MEBIBYTE) + b" " * (MEBIBYTE - 1))
        return connection

    holding(target, clock, tally, opened, most=300)


def bodies_to_a_slow_partner(target: Target, clock: Clock, tally: Tally) -> None:
    """Whole calls of 1 MiB for the site whose partner takes its time."""
    body = json.dumps({"serialNumber": target.serial, "x": "y" * (MEBIBYTE - 200)}).encode()
    head = _request("/swordfish/lock/Config", len(body), target.away_host).replace(b"POST", b"PUT")

    def opened() -> socket.socket:
        connection = target.secured()
        connection.sendall(head + body)
        return connection

    holding(target, clock, tally, opened, most=300)


def answers_unread(target: Target, clock: Clock, tally: Tally) -> None:
    """Clients ask for a large database and do not read it."""
    request = f"GET /swordfish/lock/db/0?serialNumber={target.serial} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def opened() -> socket.socket:
        connection = target.secured()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request)
        return connection

    holding(target, clock, tally, opened, most=300)


def key_updates(target: Target, clock: Clock, tally: Tally) -> None:
    """Eight connections that change their key, and change it again: 27 octets each."""
    client = HelloClient(Hello())
    while clock.runs():
        with suppress(OSError):
            tally["connections"] += 8
            for updates in client.updating_keys(target.https_port, 8, "127.0.1.1", clock.runs):
                tally["key updates"] += updates


def audits_of_many_events(target: Target, clock: Clock, tally: Tally) -> None:
    """Uploads of 1 MiB, half a million events each, for one serial number."""
    path = f"{AUDIT}?serialNumber={target.serial}"
    bodies = [b"[0]", *[b"[" + b"0," * ((MEBIBYTE - 40) // 2 - each) + b"0]" for each in range(16)]]
    _upload(target, clock, tally, path, bodies)


def json_bombs(target: Target, clock: Clock, tally: Tally) -> None:
    """Uploads of 1 MiB of lists in lists, thirty-two deep."""
    path = f"{AUDIT}?serialNumber={target.serial}"
    deep = b"[" * 30 + b"0" + b"]" * 30
    count = (MEBIBYTE - 200) // (len(deep) + 1)
    bodies = [b"[%d," % each + b",".join([deep] * (count - each)) + b"]" for each in range(16)]
    _upload(target, clock, tally, path, bodies)


def _upload(target: Target, clock: Clock, tally: Tally, path: str, bodies: list[bytes]) -> None:
    """Sixteen uploads at once, again and again; the answers are waited for until the end."""
    held = Held(16)
    while clock.runs():
        for body in bodies:
            with suppress(*REFUSALS):
                connection = target.secured()
                held.add(connection)
                connection.sendall(_request(path, len(body)) + body)
                tally["uploads"] += 1
        for each in list(held.connections):
            each.settimeout(1)
            with suppress(*REFUSALS):
                tally[_status(each.recv(64))] += 1
            if not clock.runs():
                break
    held.close()


def _status(answer: bytes) -> str:
    return answer[9:12].decode("ascii", "replace") or "closed"


def random_serials(target: Target, clock: Clock, tally: Tally) -> None:
    """Notices with made-up serial numbers from one address, as fast as sixty-four connections go."""
    connections: list[socket.socket] = [target.dial(secure=False) for _ in range(64)]
    while clock.runs():
        for each in connections:
            query = f"?serialNumber={random.getrandbits(128):032X}"  # not for secrets
            each.sendall(f"GET {NOTICE}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for number, each in enumerate(connections):
            if each.recv(4096):
                tally["notices"] += 1
            else:
                connections[number] = target.dial(secure=False)
    for each in connections:
        each.close()


def one_octet_records(target: Target, clock: Clock, tally: Tally) -> None:
    """TLS records of one octet each, and an attempt to renegotiate for every connection."""
    client = HelloClient(Hello("TLSv1.2"))
    while clock.runs():
        with suppress(OSError), client.connected(target.https_port, "127.0.1.1") as connection:
            if connection is None:
                continue
            tally["renegotiations" if connection.renegotiate() else "renegotiations refused"] += 1
        with suppress(OSError), client.connected(target.https_port, "127.0.1.1") as connection:
            if connection is None or not connection.write(_request(AUDIT, MEBIBYTE)):
                continue
            for _ in range(5000):
                if not (clock.runs() and connection.write(b"x")):
                    break
                tally["records"] += 1


def resets(target: Target, clock: Clock, tally: Tally) -> None:
    """TCP resets in each phase: at once, in the hello, after it, in a header, in a body, in the answer."""
    hello, begun = client_hello(), f"GET {NOTICE} HTTP/1.1\r\n".encode()
    whole = begun + b"Host: localhost\r\n\r\n"
    phases = [(True, b""), (True, hello[:50]), (True, hello), (False, begun), (False, whole)]
    phases += [(False, _request(AUDIT, 5000) + b"x" * 100)]
    for number in counting(clock):
        secure, sent = phases[number % len(phases)]
        with suppress(OSError):
            connection = target.dial(secure=secure)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(sent)
            if number % 2:
                time.sleep(0.001)
            connection.close()
            tally["resets"] += 1


def expensive_hellos(target: Target, clock: Clock, tally: Tally) -> None:
    """The same recorded hellos, the dearest that there are, again and again: they cost the client nothing."""
    hellos = []
    for group in _EXPENSIVE:
        with suppress(NotOffered):
            hellos.append(recorded_hello(Hello(groups=group)))
    _holding_hellos(target, clock, tally, hellos)


def odd_server_names(target: Target, clock: Clock, tally: Tally) -> None:
    """Server names that are no ASCII, no name at all, or longer than any."""
    names = (b"\xff\xfe\xfdlhost", b"\x00" * 9, b"l\xc3\xb6calh\xc3", b"........."[:9], b"%n%n%n%n%")
    _holding_hellos(target, clock, tally, [client_hello().replace(b"localhost", name) for name in names])


def _holding_hellos(target: Target, clock: Clock, tally: Tally, hellos: list[bytes]) -> None:
    held = Held(200)
    for number in counting(clock):
        with suppress(OSError):
            connection = target.dial(secure=True)
            connection.sendall(hellos[number % len(hellos)])
            held.add(connection)
            tally["hellos"] += 1
    held.close()


def slow_headers(target: Target, clock: Clock, tally: Tally) -> None:
    """Headers that come an octet at a time, and lines that grow long, on both ports."""
    held = Held(2000)
    line = f"GET {NOTICE} HTTP/1.1\r\nX-Long: ".encode() + b"a" * 6000
    for number in counting(clock):
        with suppress(OSError):
            if len(held.connections) < held.limit:
                connection = target.dial(secure=bool(number % 4 == 0))
                connection.setblocking(False)
                connection.send(line if number % 2 else b"G")
                held.add(connection)
                tally["connections"] += 1
        for _ in range(20):
            each = held.connections[0]
            held.connections.rotate(-1)
            try:
                tally["octets"] += each.send(b"a")
            except BlockingIOError:
                continue
            except OSError:
                held.connections.remove(each)
                each.close()
                break
    held.close()


ATTACKS: dict[str, Callable[[Target, Clock, Tally], None]] = {
    "evictions with events pending": evictions,
    "announced ClientHello": announced_hellos,
    "silent TLS": silent,
    "chunk extensions": chunk_extensions,
    "bodies that stall": stalling_bodies,
    "bodies to a slow partner": bodies_to_a_slow_partner,
    "answers not read": answers_unread,
    "TLS key updates": key_updates,
    "audits of many events": audits_of_many_events,
    "notices with random serials": random_serials,
    "one-octet TLS records": one_octet_records,
    "TCP resets": resets,
    "expensive hellos": expensive_hellos,
    "JSON bombs": json_bombs,
    "slow headers": slow_headers,
    "odd server names": odd_server_names,
}


def run(name: str, target: Target, seconds: float) -> Tally:
    """One attack in this process, at a low priority: it stands for another machine's work."""
    os.nice(15)
    tally = Tally()
    ATTACKS[name](target, Clock(seconds), tally)
    return tally
