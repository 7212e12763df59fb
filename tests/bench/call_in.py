"""How much dearer a call-in is among many devices' folders than among few: both in one run, as ratios.

Run by ``scripts/bench-call-in``. Calls go through the service beneath HTTP, so that the files are what is measured;
they are interleaved, so that both see the same machine.
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from engage_server.records import CallIn, UnknownDevices
from engage_server.services.call_in.call import Call, CallKind
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import DeviceFolders
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.world import World, serial_of

USERS = 100
FEW = 200  # devices call in both; among many they are picked at random


def _database() -> dict[str, object]:
    users = [{"usrID": n, "fnctn": "norm", "crSch": 1, "primeCR": f"{n:016x}"} for n in range(USERS)]
    schedules = [{"days": ["Mo", "Tu"], "strtHr": 8, "strtMn": 0, "lngth": 600}]
    return {"db": {"usrRcrd": {"deleteAll": 1, "add": users}, "schedules": schedules}, "nxtDbVerTS": "0x10"}


def _made(folder: Path, count: int) -> tuple[CallIns, float]:
    """A site with so many devices, imported; and the seconds that this took for each."""
    world = World(folder)
    world.add_site()
    world.answer_call_ins(CallIn(unknown=UnknownDevices.REFUSE))
    content = json.dumps(_database())
    for number in range(count):
        (folder / "in" / serial_of(number)).mkdir(parents=True)
        (folder / "in" / serial_of(number) / "database.json").write_text(content)
    begun = time.perf_counter()
    found = find_device_files(folder / "in")
    world.sites.add_devices(found.serials, "main", world.occasion)
    DeviceExchange(DeviceFolders(folder / "data")).bring_in("main", found.files, NOW)
    return world.call_ins(world.distribution()), (time.perf_counter() - begun) / count


def _calls(serial: str, round_number: int) -> dict[str, Call]:
    audits = {"serialNumber": serial, "audits": [{"event": "0B07", "timestamp": str(round_number)}]}
    bodies = {
        "PUT Config": (CallKind.CONFIG, {"serialNumber": serial, "fwVersion": "3.9.2"}),
        "GET db": (CallKind.DATABASE, None),
        "POST audit": (CallKind.AUDIT, audits),
        "unknown device": (CallKind.AUDIT, {"serialNumber": f"F{serial[1:]}"}),
    }
    return {
        name: call_in(kind, json.dumps(body).encode(), since="0", said_before=serial)
        for name, (kind, body) in bodies.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Call-ins among few and among many devices' folders.")
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1_500)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        sizes = {FEW: folder / "few", arguments.devices: folder / "many"}
        for each in sizes.values():
            each.mkdir()
        made = {count: _made(each, count) for count, each in sizes.items()}
        _measure({count: calls for count, (calls, _) in made.items()}, arguments.rounds)
        for count, (_, seconds) in made.items():
            _tell(f"import of {count:6} devices: {1000 * seconds:.2f} ms each")
    finally:
        shutil.rmtree(folder)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")


def _measure(sites: dict[int, CallIns], rounds: int) -> None:
    taken: dict[tuple[str, int], list[float]] = {}
    callers = {count: random.Random(1).sample(range(count), FEW) for count in sites}  # noqa: S311  # no secret
    for number in range(rounds):
        for count, calls in sites.items():
            for name, call in _calls(serial_of(callers[count][number % FEW]), number).items():
                begun = time.perf_counter()
                answer = calls.answer(call)
                taken.setdefault((name, count), []).append(time.perf_counter() - begun)
                assert answer.status == 404 if name == "unknown device" else answer.status < 300
    few, many = sites
    _tell(f"medians of {rounds} calls, {USERS} users a database")
    _tell(f"{'':16}{few:>8} devices{many:>8} devices   ratio")
    for name in dict.fromkeys(name for name, _ in taken):
        one, other = (1000 * statistics.median(taken[name, count]) for count in sites)
        _tell(f"{name:16}{one:13.3f} ms{other:13.3f} ms{other / one:8.2f}")


if __name__ == "__main__":
    main()
