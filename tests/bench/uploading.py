"""Devices that hand over audits until they are told that one is taken, as real ones do; and what became of each."""

import json
import socket
import ssl
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from tests.support.running import RunningPair
from tests.support.threads_beside import ThreadsBeside

_PATIENCE = 5.0
_PAUSE_SECONDS = 0.1  # of a device that was told to come again, or got no answer
_TAKEN = (b"201", b"202")


@dataclass(frozen=True)
class Door:
    """A device.

    Attributes:
        serial: Its serial number.
        host: By which it calls: that chooses its site.
    """

    serial: str
    host: str


@dataclass
class Told:
    """What devices were told.

    Attributes:
        taken: The numbers of the audits that were acknowledged, in order, by device.
        answers: How often which status came; ``none`` for a connection that broke.
    """

    taken: dict[Door, list[int]] = field(default_factory=lambda: defaultdict(list))
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many audits were acknowledged."""
        return sum(map(len, self.taken.values()))


class Uploading(ThreadsBeside):
    """A thread for each device: one numbered audit after the other, the same again until it is acknowledged.

    Args:
        doors: Which devices.
        pair: Gives the pair that runs now, or None while none does.

    Attributes:
        told: What came of it.
    """

    def __init__(self, doors: list[Door], pair: Callable[[], RunningPair | None]) -> None:
        self.told = Told()
        self._pair = pair
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._threads = [threading.Thread(target=self._run, args=(door,)) for door in doors]

    def _run(self, door: Door) -> None:
        number = 1
        while not self._stopped.is_set():
            pair = self._pair()
            status = self._upload(pair, door, number) if pair is not None else "no server"
            with self._lock:
                self.told.answers[status] += 1
                if status.encode() in _TAKEN:
                    self.told.taken[door].append(number)
            if status.encode() in _TAKEN:
                number += 1
                time.sleep(0.01)
            else:
                self._stopped.wait(_PAUSE_SECONDS)

    def _upload(self, pair: RunningPair, door: Door, number: int) -> str:
        event = {"event": f"{0x0B00 + number % 256:04X}", "n": number}
        body = json.dumps({"serialNumber": door.serial, "upload": number, "audits": [event]}).encode()
        head = f"POST /swordfish/lock/audit HTTP/1.1\r\nHost: {door.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            with (
                closing(socket.create_connection(("127.0.0.1", pair.https_port), timeout=_PATIENCE)) as plain,
                self._context.wrap_socket(plain) as connection,
            ):
                connection.sendall(head.encode() + body)
                answer = connection.recv(4096)
        except OSError:
            return "none"
        return answer[9:12].decode("ascii", "replace") or "none"
