"""Damaged packs, with right and wrong tokens, at KPN's destination and at the ingestion of devices.

Whether one may be accepted is decided a second time here: by hashlib alone, over the bytes that were sent.
"""

import random
import re
import time
from collections.abc import Iterator

from engage_server.links.ingress.call import Answer, Call
from engage_server.links.kpn.answering.destination import Destinations
from engage_server.links.kpn.answering.ingestion import Ingestion
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.records import Secret
from tests.support.kpn import (
    DEPOT,
    DESTINATION_SECRET,
    DEVICE_SECRET,
    IMEI,
    OTHER_IMEI,
    OTHER_SECRET,
    OUTSIDE,
    PLANT,
    PRIVATE,
    FixedTables,
    KeptEvents,
    call,
    pack,
    token_of,
)

UNPROVEN_IMEI = "860000000000004"
SECRETS = {IMEI: DEVICE_SECRET, OTHER_IMEI: OTHER_SECRET}
DOWNLINK = b'[{"bn":"urn:dev:IMEI:490154203237518:"},{"n":"report","vs":"now"}]'

_STATUSES = frozenset({200, 400, 401, 404})
_MAX_ANSWER_BYTES = 500
_SEEDS = [
    pack(),
    pack({"n": "a", "v": 1.5, "u": "V"}, {"n": "b", "vb": True, "t": -5}, {"n": "c", "vd": "AQL_"}, bu="A", bv=2, bs=3),
    pack(imei=OTHER_IMEI),
    pack(imei=UNPROVEN_IMEI),
    pack(bt=0, bver=10),
    b'[{"bn":"urn:dev:IMEI:490154203237518:","n":"door","vs":"closed","bt":1.7e9,"ut":60},{"n":"e","s":7}]',
    b'[{"n":"urn:dev:IMEI:490154203237518:door","v":1}]',
    b'\xef\xbb\xbf [ {"bn":"urn:dev:DVNUUID:0f8fad5b-d9cb-469f-a165-70867728950e:"},\r\n{"n":"a","vs":"\\u00e9"} ]\r\n',
]
_TOKENS = [
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b'"',
        b"\\",
        b"\\ud800",
        b"\\u0000",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b" ",
        b"\n",
    ),
    *(b"NaN", b"Infinity", b"1e999", b"-0", b"1e-999", b"9" * 400, b"null", b"true", b"1.0", b"-1e300", b"268435456"),
    *(
        b'"bn":"",',
        b'"n":"",',
        b'"v":1,',
        b'"vs":"x",',
        b'"vb":true,',
        b'"vd":"A",',
        b'"bver":11,',
        b'"x_":1,',
        b'"t":1e12,',
    ),
    *(b'{"bn":"urn:dev:IMEI:356938035643809:"},', b"urn:dev:IMEI:860000000000004:", b"[" * 60, b'{"a":' * 60),
]


def damaged(chance: random.Random) -> bytes:
    """One of the packs with a few things changed, taken out, put in or repeated; sometimes none."""
    content = bytearray(chance.choice(_SEEDS))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
        place = chance.randrange(len(content) + 1)
        kind = chance.random()
        if kind < 0.25 and place < len(content):
            content[place] = chance.randrange(256)
        elif kind < 0.4:
            del content[place : place + chance.randint(1, 30)]
        elif kind < 0.8:
            content[place:place] = chance.choice(_TOKENS)
        elif kind < 0.95:
            content[place:place] = content[chance.randrange(len(content) + 1) :][: chance.randint(1, 100)]
        else:
            content += content * chance.choice((2, 20))
    return bytes(content)


class FuzzedDesk:
    """Both addresses, with every kind of device behind them."""

    def __init__(self) -> None:
        self.journal, self.tables = KeptEvents(), FixedTables()
        self.tables.add(IMEI, DEPOT, DEVICE_SECRET)
        self.tables.add(OTHER_IMEI, PLANT, OTHER_SECRET)
        self.tables.add(UNPROVEN_IMEI, DEPOT, None)
        self.destinations = Destinations([DEPOT, PLANT], self.journal, self.tables)
        self.ingestion = Ingestion([DEPOT, PLANT], self.journal, self.tables, RecentMessages())

    def outcome(self, made: Call, destination: str) -> str:
        """What comes of a call: its status. Raises when an answer is wrong.

        Args:
            made: The call.
            destination: Where to; "" for the ingestion.
        """
        self.journal.events.clear()
        self.tables.downlinks.clear()
        self.tables.execute(DOWNLINK)
        if destination:
            answer = self.destinations.answer(made, {"destination": destination})
        else:
            answer = self.ingestion.answer(made, {})
        self._assert_right(made, destination, answer)
        return f"{'destination' if destination else 'ingestion'} {answer.status}"

    def _assert_right(self, made: Call, destination: str, answer: Answer) -> None:
        assert answer.status in _STATUSES, answer
        assert len(answer.body) <= _MAX_ANSWER_BYTES, answer
        if answer.status != 200:
            assert not self.journal.events, "a refused call is an event"
            assert answer.body != DOWNLINK, "a refused call gets the message to the device"
            return
        if destination:
            assert is_proven(made, DESTINATION_SECRET), "accepted without the right token"
            assert len(self.journal.events) == 1
            return
        named = set(re.findall(rb"IMEI:([0-9]{15})", made.body))
        assert any(is_proven(made, SECRETS[imei.decode()]) for imei in named if imei.decode() in SECRETS) or (
            UNPROVEN_IMEI.encode() in named and made.address == PRIVATE
        ), "accepted without proof"
        if answer.body:
            assert is_proven(made, DEVICE_SECRET), "somebody else gets the message to the device"


def is_proven(made: Call, secret: Secret) -> bool:
    """Whether a call has exactly one token, and it is right: by hashlib alone."""
    given = [value for name, value in made.fields if name == "things-message-token"]
    return given == [token_of(made.body, secret)]


def calls(chance: random.Random) -> tuple[Call, str]:
    """A damaged call, and its destination; "" for the ingestion."""
    body = damaged(chance)
    secret = chance.choice((DEVICE_SECRET, DESTINATION_SECRET, OTHER_SECRET))
    token = token_of(body, secret)
    kind = chance.random()
    if kind < 0.5:
        values = [token]
    elif kind < 0.6:
        values = [token_of(chance.choice(_SEEDS), secret)]
    elif kind < 0.7:
        place = chance.randrange(len(token))
        values = [token[:place] + chance.choice("0123456789abcdefABCDEF \xff") + token[place + 1 :]]
    else:
        values = chance.choice(([], [""], [token, token], [token.upper()], [f"{token},{token}"], [token, ""]))
    name = chance.choice(("things-message-token",) * 9 + ("things_message_token",))
    address = chance.choice((OUTSIDE, PRIVATE))
    return call(body, fields=[(name, value) for value in values], address=address), chance.choice(
        ("", "", "doors", "x")
    )


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """The outcome of each message, and the seconds that it took."""
    chance, desk = random.Random(seed), FuzzedDesk()  # noqa: S311  # nothing is kept secret with it
    for _ in range(count):
        made, destination = calls(chance)
        begun = time.perf_counter()
        found = desk.outcome(made, destination)
        yield found, time.perf_counter() - begun
