"""The nightly call-in: PUT Config, GET db, POST audit, POST alert, in this order, on one TLS connection.

The bodies are plausible but made up: the vendor documents their format only in part (the protocol notes, section 5).
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.step import Step
from engage_server.lock.transport.http import DeviceResponse
from engage_server.lock.transport.tls import SecureConnection
from engage_server.protocol import paths

CONFIG = f"{paths.CONFIG_PREFIX}Config"  # as locks spell it

_ADVICE = {
    "answered 404": "The host or the system behind it does not know the device. There, engage site call-in says why.",
    "answered 503": "The host cannot answer now. A device would try again. There, engage site call-in says why.",
}
_TAKEN = frozenset({201, 202})  # never 200: a device would keep its audits and send them again
_DONE = frozenset(range(200, 300))
_VERSION = re.compile(r"0x[0-9A-Fa-f]{1,16}")


class NightCalls:
    """One call-in of one device.

    Attributes:
        database_version: The version that the device has. After the call-in, it is the version from the host.
    """

    def __init__(self, connection: SecureConnection, serial: str, database_version: str, now: datetime) -> None:
        self._connection = connection
        self._serial = serial
        self._now = now
        self.database_version = database_version

    def steps(self) -> Iterator[Step]:
        """Make the four calls. After a refused answer that could be read, a device still makes the next call."""
        for name, call in (
            ("config", self._config),
            ("database", self._database),
            ("audit", self._audit),
            ("alert", self._alert),
        ):
            try:
                yield Step(name, ok=True, sentence=call())
            except DeviceRefusal as refusal:
                advice = next((text for status, text in _ADVICE.items() if status in refusal.sentence), "")
                yield Step(name, ok=False, sentence=refusal.sentence, next_step=advice or refusal.next_step)
                if not refusal.answer_was_read:
                    return

    def _config(self) -> str:
        parameters = {"serialNumber": self._serial, "time": self._stamp(), "batteryVoltage": 5830, "fwVersion": "3.9.2"}
        answer = self._send("PUT", CONFIG, parameters, _DONE)
        return f"the host accepted the configuration with {answer.status}"

    def _database(self) -> str:
        answer = self._connection.request(paths.DATABASE_PREFIX + self.database_version)
        try:
            database = json.loads(answer.body)
            version = database["nxtDbVerTS"]
            schedules = database["db"]["schedules"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _not_taken("the database answer is not JSON with nxtDbVerTS and db.schedules") from None
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise _not_taken(f"nxtDbVerTS is {str(version)[:40]!r}", 'Send "0x" and up to 16 hexadecimal digits.')
        if not schedules:
            raise _not_taken("schedules is empty, so the door would never open", "Send at least one schedule.")
        before, self.database_version = self.database_version, version
        return f"received database {version}; the old one was {before}"

    def _audit(self) -> str:
        event = {"event": "0B07", "eventData": "0000", "timestamp": self._stamp()}
        answer = self._send("POST", paths.AUDIT, {"serialNumber": self._serial, "audits": [event]}, _TAKEN)
        return f"the host accepted the audits with {answer.status}"

    def _alert(self) -> str:
        event = {"serialNumber": self._serial, "event": "0F01", "timestamp": self._stamp()}
        return f"the host accepted an alert with {self._send('POST', paths.ALERT, event, _TAKEN).status}"

    def _send(self, method: str, target: str, value: dict[str, Any], expected: frozenset[int]) -> DeviceResponse:
        body = json.dumps(value, separators=(",", ":")).encode("ascii")
        return self._connection.request(target, method=method, body=body, expected=expected)

    def _stamp(self) -> str:
        return self._now.strftime("%Y%m%d%H%M%S")


def _not_taken(sentence: str, next_step: str = "") -> DeviceRefusal:
    return DeviceRefusal(sentence, next_step, answer_was_read=True)
