"""What a call-in costs grows with its length, and no faster: counted in operations, not in seconds.

Two counts, because each misses what the other sees. Calls of functions, Python's and C's, through the profiler; and
comparisons of the places in a list of events, which an ``in`` makes without any call.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engage_server.files import read_file
from engage_server.protocol.caller_serial import serial_from_authorization, serial_from_body
from engage_server.protocol.database_answer import answer_since
from engage_server.protocol.device_audits import MAX_EVENTS
from engage_server.protocol.json_body import read_json, without_secrets
from engage_server.protocol.serial_number import serial_from_query
from engage_server.protocol.upstream_target import target_of
from engage_server.records import CallIn, CallInWay, UnknownDevices, Upstream
from engage_server.services.call_in.call import CallKind
from engage_server.services.device_files import folder as device_folder
from engage_server.services.device_files import uploads
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.device_files.uploads import fresh_events, taken
from engage_server.services.evidence.sightings import Sightings
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.device_bodies import database
from tests.support.sinks import Sink
from tests.support.world import World, serial_of

SERIAL = serial_of(1)
SIZE = 400
LINEAR = 2.4  # of twice as much: some costs do not grow at all, and none may grow faster


def calls(work: Callable[[], object]) -> int:
    """How many functions some work calls."""
    count = 0

    def tally(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class Place(int):
    """A place in a list that counts with how many others it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Place.compared += 1
        return int.__eq__(self, other) is True

    __hash__ = int.__hash__


def counted_places(events: Any) -> Iterator[tuple[Place, Any]]:
    """``enumerate`` with places that count."""
    return ((Place(place), event) for place, event in zip(range(len(events)), events, strict=True))


def assert_linear(cost: Callable[[int], int]) -> None:
    """Hold the cost of something twice as long against that of the first."""
    cost(2)  # what is made once and kept
    one, two = cost(SIZE), cost(2 * SIZE)
    assert one > 0
    assert two <= LINEAR * one, f"{one} operations, and {two} for twice as much"


def test_the_judge_finds_what_is_not_linear() -> None:
    """The negative control, of both counts."""

    def pairs(count: int) -> int:
        return calls(lambda: [len(range(each)) for each in range(count) for _ in range(count)])

    def look_up(count: int) -> int:
        Place.compared = 0
        places = [place for place, _ in counted_places(range(count))]
        assert [place for place in places if place in [Place(-1), *places]]
        return Place.compared

    for cost in (pairs, look_up):
        with pytest.raises(AssertionError, match="for twice as much"):
            assert_linear(cost)


BODIES: dict[str, Callable[[int], Any]] = {
    "the same event again and again": lambda n: [0] * n,
    "different events": lambda n: [{"event": "1101", "n": each} for each in range(n)],
    "events of no meaning": lambda n: {"audits": [{"x": each} for each in range(n)]},
    "events that cannot be read": lambda n: [[each] for each in range(n)],
    "many names": lambda n: {f"name{each}": each for each in range(n)},
    "many secrets": lambda n: {f"wifi-password{each}": {"pwd": each} for each in range(n)},
    "wide below": lambda n: {"a": {f"b{each}": {"c": each} for each in range(n)}},
    "a long text": lambda n: {"audits": ["x" * 40 * n]},
    "long names": lambda n: {"pass-" * n: 1, "s-e-r-i-a-l" * n: "x"},
}


@pytest.mark.parametrize("name", BODIES)
class TestBodies:
    def test_reading(self, name: str) -> None:
        def cost(count: int) -> int:
            body = json.dumps(BODIES[name](count)).encode()
            return calls(lambda: serial_from_body(without_secrets(read_json(body))))

        assert_linear(cost)

    @pytest.mark.parametrize(
        ("way", "kind"),
        [
            (CallInWay.FILES, CallKind.AUDIT),
            (CallInWay.FILES, CallKind.CREDENTIAL_SCAN),
            (CallInWay.FILES, CallKind.CONFIG),
            (CallInWay.UPSTREAM, CallKind.AUDIT),
        ],
    )
    def test_a_whole_call(self, world: World, name: str, kind: CallKind, way: CallInWay) -> None:
        world.add_site()
        world.answer_call_ins(CallIn(way, True, UnknownDevices.ENROLL, Upstream("http://127.0.0.1:1")))
        sink = Sink()
        sightings = Sightings("https", sink, NOW.timestamp)
        answering = world.call_ins(world.distribution(), sightings)

        def cost(count: int) -> int:
            """The second of two calls: what came before is read again."""
            query, before, body = f"serialNumber={serial_of(count)}", BODIES[name](count), BODIES[name](count + 1)
            if isinstance(before, list):
                before = before[:-1]
            made = [call_in(kind, json.dumps(each).encode(), query=query) for each in (before, body)]
            answering.answer(made[0])
            Place.compared = 0
            made_calls = calls(lambda: answering.answer(made[1]))
            sightings.flush()
            return made_calls + Place.compared

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(uploads, "enumerate", counted_places, raising=False)
            assert_linear(cost)
        assert len(sink.kept) <= 3 * 2 * 101, "one upload makes a hundred sightings at most, and the call's own"


class TestTheRest:
    def test_an_upload_after_others(self) -> None:
        def cost(count: int) -> int:
            entries = taken([], [{"n": each} for each in range(count)], NOW).entries
            Place.compared = 0
            found = calls(lambda: taken(entries, [{"n": each} for each in range(count + 1)], NOW))
            return found + Place.compared

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(uploads, "enumerate", counted_places, raising=False)
            assert_linear(cost)

    def test_showing_them(self) -> None:
        def cost(count: int) -> int:
            entry = {"upload": [0] * count, "repeated": list(range(count))}
            Place.compared = 0
            fresh_events(entry)
            return 1 + Place.compared

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(uploads, "enumerate", counted_places, raising=False)
            assert_linear(cost)

    @pytest.mark.parametrize("since", ["0", "0x10", "0x11", "0x7"])
    def test_a_database(self, tmp_path: Path, since: str) -> None:
        folders = DeviceFolders(tmp_path)

        def cost(count: int) -> int:
            with folders.open("main", serial_of(count)) as folder:
                folder.put_database(database("0x10", tuple(range(count))))
                folder.put_database(database("0x11", tuple(range(count + 5))))
                answer = folder.database()
                assert answer is not None
                return calls(lambda: answer_since(answer, folder.earlier, since))

        assert_linear(cost)

    def test_what_is_not_wanted_of_earlier_databases_is_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []

        def watched(path: Path, *, limit: int) -> bytes:
            read.append(path.name)
            return read_file(path, limit=limit)

        with DeviceFolders(tmp_path).open("main", SERIAL) as folder:
            for version in range(0x10, 0x1B):
                folder.put_database(database(hex(version), (1, version)))
            monkeypatch.setattr(device_folder, "read_file", watched)
            answer = folder.database()
            assert answer is not None
            for since, expected in (("0", 0), ("0x1a", 0), ("0x12", 1), ("0x5", 0), ("garbage", 0)):
                read.clear()
                answer_since(answer, folder.earlier, since)
                assert len(read) == expected, (since, read)

    @pytest.mark.parametrize(
        "work",
        [
            lambda n: serial_from_query("&".join(["serialNumber=x"] * n)),
            lambda n: serial_from_query("serialNumber" * n),
            lambda n: serial_from_authorization("Device " + "x:" * n),
            lambda n: target_of("/x", "#a\\" * n),
        ],
    )
    def test_queries_and_tokens(self, work: Callable[[int], object]) -> None:
        assert_linear(lambda count: calls(lambda: work(count)))


class TestTooManyEvents:
    def test_they_are_kept_whole_found_again_and_answered_201(self, world: World) -> None:
        world.add_site()
        world.answer_call_ins(CallIn(unknown=UnknownDevices.ENROLL))
        sink = Sink()
        sightings = Sightings("https", sink, NOW.timestamp)
        answering = world.call_ins(world.distribution(), sightings)
        events = [{"event": "1101", "n": each} for each in range(MAX_EVENTS + 1)]
        body = json.dumps({"audits": events}).encode()
        query = f"serialNumber={SERIAL}"
        call = call_in(body=body, query=query)
        assert [answering.answer(call).status for _ in range(3)] == [201, 202, 202]
        sightings.flush()
        assert not [line for line in sink.kept if b'"report"' in line]
        exchange = DeviceExchange(DeviceFolders(world.folder / "data"))
        (entry,) = exchange.collected("main", SERIAL, Collection.AUDITS)
        assert entry["upload"] == {"audits": events}
        assert entry["unread"] == MAX_EVENTS + 1
        (told,) = exchange.events("main", SERIAL)
        assert f"an upload of {MAX_EVENTS + 1} events" in told.sentence
        exchange.take_out("main", [SERIAL], world.folder / "out")
        text = "".join(path.read_text() for path in (world.folder / "out" / SERIAL).glob("audits*.json"))
        assert f'"unread": {MAX_EVENTS + 1}' in text

    def test_one_fewer_is_read(self) -> None:
        assert "unread" not in taken([], [{"n": each} for each in range(MAX_EVENTS)], NOW).entries[0]
