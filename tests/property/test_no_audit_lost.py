"""No sequence of device calls, operators' imports and failing disks loses an audit that a device was told is taken."""

import base64
import json
import shutil
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engage_server import files as durable_files
from engage_server.errors import FileNotUsable
from engage_server.records import CallIn, CallInWay, UnknownDevices, Upstream
from engage_server.services.call_in.delivering import upload_spool, upload_state
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.services.device_files import folder
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.disk_space.room import DiskLimits
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.disk import PLENTY
from tests.support.lengths import examples
from tests.support.partner import Partner
from tests.support.world import World, serial_of

DEVICES = st.integers(1, 2)
EVENTS = st.lists(st.integers(0, 12), min_size=1, max_size=4)
WAYS = st.sampled_from([CallInWay.UPSTREAM, CallInWay.FILES])
LIMITS = st.sampled_from([PLENTY, 9_000, 9_000, 30_000])
MODES = st.sampled_from(["absent", "well", "error", "absent", "html", "400", "404", "lost"])


def _event(number: int) -> dict[str, Any]:
    return {"event": f"{0x0B00 + number:04X}", "n": number}


class Disk:
    """The writing of files, which fails when it is told to: before anything is there, or after all of it is."""

    def __init__(self) -> None:
        self.fails = ""
        self._patch = pytest.MonkeyPatch()

    def wrap(self, write: Any, *, is_new: bool) -> Any:
        """The same with failures."""

        def writing(path: Path, content: Any, mode: int, *more: Any) -> None:
            if self.fails == "before" or (self.fails == "new" and is_new):
                raise FileNotUsable(f"{path}: no space left", "")
            write(path, content, mode, *more)
            if self.fails == "after":
                raise FileNotUsable(f"{path}: input/output error", "")

        return writing

    def install(self) -> None:
        """Stand between; files fill up within a test."""
        for module, name in (
            (folder, "replace_file"),
            (upload_state, "replace_file"),
            (upload_spool, "write_new_file"),
        ):
            write = getattr(durable_files, name)
            self._patch.setattr(module, name, self.wrap(write, is_new="new" in name))
        self._patch.setattr(folder, "_FULL_BYTES", 500)

    def remove(self) -> None:
        """Go away."""
        self._patch.undo()


class Audits(RuleBasedStateMachine):
    """Two devices, a site that is answered now this way and now that, operators, and a partner."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        (self.root / "world").mkdir()
        self.world = World(self.root / "world")
        self.world.add_site()
        self.partner = Partner().start()
        self.disk = Disk()
        self.disk.install()
        self.accepted: dict[str, set[int]] = defaultdict(set)
        self.order: dict[str, list[int]] = defaultdict(list)
        self.uploads = 0
        self.refused_for: set[str] = set()
        self.limits = DiskLimits(PLENTY, PLENTY, PLENTY, PLENTY)
        self.time = NOW
        self._choose(CallInWay.UPSTREAM)

    def _choose(self, way: CallInWay) -> None:
        upstream = Upstream(self.partner.url, 5)
        self.world.answer_call_ins(CallIn(way, unknown=UnknownDevices.ENROLL, upstream=upstream))
        self.distribution = self.world.distribution()
        self.calls = self.world.call_ins(self.distribution)
        self.world.room.limits = self.limits
        self.delivery = UpstreamDelivery("main", self.world.uploads, upstream)
        self.exchange = DeviceExchange(DeviceFolders(self.world.folder / "data"))

    @rule(
        device=DEVICES,
        events=EVENTS,
        numbered=st.booleans(),
        fails=st.sampled_from(["", "", "", "before", "after", "new"]),
    )
    def call(self, device: int, events: list[int], numbered: bool, fails: str) -> None:
        """A device sends audits; told 503, it keeps them."""
        serial = serial_of(device)
        body: dict[str, Any] = {"serialNumber": serial, "audits": [_event(number) for number in events]}
        if numbered:
            self.uploads += 1
            body["upload"] = self.uploads
        self.disk.fails = fails
        content = json.dumps(body).encode()
        call = call_in(body=content)
        answer = self.calls.answer(call)
        self.disk.fails = ""
        assert answer.status in (201, 202, 503), self.world.told
        self.refused_for |= {sentence.partition("(setting ")[2].partition(")")[0] for sentence in self.world.told}
        if answer.status != 503:
            self.accepted[serial] |= set(events)

    @rule(way=WAYS)
    def choose(self, way: CallInWay) -> None:
        """The operator changes who answers; workers start anew."""
        self._choose(way)

    @rule(what=st.sampled_from(["site", "device", "uploads"]), count=LIMITS)
    def limit(self, what: str, count: int) -> None:
        """The operator changes what devices may take of the disk; what is over it is refused, and was never taken."""
        self.limits = replace(DiskLimits(PLENTY, PLENTY, PLENTY, PLENTY), **{what: count})
        self.world.room.limits = self.limits

    @rule(device=DEVICES, events=EVENTS, raw=st.booleans())
    def bring_in(self, device: int, events: list[int], raw: bool) -> None:
        """The operator imports audits from elsewhere."""
        folder = self.root / "in"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / serial_of(device)).mkdir(parents=True)
        upload = [_event(number) for number in events]
        entry = {"receivedAt": "2026-01-01T00:00:00Z", "digest": f"{sum(events):032}", "upload": upload}
        content = upload if raw else {"audits": [entry]}
        (folder / serial_of(device) / "audits.json").write_text(json.dumps(content))
        self.exchange.bring_in("main", find_device_files(folder).files, self.time)

    @rule()
    def out_and_in_again(self) -> None:
        """A backup, brought back."""
        folder = self.root / "out"
        shutil.rmtree(folder, ignore_errors=True)
        self.exchange.take_out("main", self.exchange.serials("main"), folder)
        if folder.exists():
            before = {serial: self._collected(serial) for serial in self.accepted}
            self.exchange.bring_in("main", find_device_files(folder).files, self.time)
            assert before == {serial: self._collected(serial) for serial in self.accepted}

    @rule(mode=MODES, minutes=st.sampled_from([0, 1, 3, 6, 1440]))
    def deliver(self, mode: str, minutes: int) -> None:
        """The partner is as it is, and time passes."""
        self.time += timedelta(minutes=minutes)
        self.partner.mode = mode
        self.delivery.run(lambda: self.time)

    def _collected(self, serial: str) -> list[int]:
        return [
            event["n"]
            for entry in self.exchange.collected("main", serial, Collection.AUDITS)
            for event in (entry["upload"]["audits"] if isinstance(entry["upload"], dict) else entry["upload"])
        ]

    @invariant()
    def every_audit_is_somewhere(self) -> None:
        """In the device's files, at the partner's, on its way, or laid aside."""
        waiting = self.world.uploads.pending("main")
        refused = [json.loads(_body(path)) for path in self.world.folder.glob("spool/main/refused/*.json")]
        for serial, numbers in self.accepted.items():
            found = set(self._collected(serial))
            uploads = [json.loads(each.read().body) for each in waiting.get(serial, [])]
            uploads += [each for each in refused if each["serialNumber"] == serial]
            uploads += self.partner.taken[serial]
            found |= {event["n"] for upload in uploads for event in upload["audits"]}
            assert numbers <= found

    @invariant()
    def the_partner_gets_them_in_order(self) -> None:
        """Numbered uploads of a device come in their order; one whose answer was lost comes again right behind."""
        for uploads in self.partner.taken.values():
            numbers = [upload["upload"] for upload in uploads if "upload" in upload]
            assert numbers == sorted(numbers)

    def teardown(self) -> None:
        if hasattr(self, "disk"):
            self.disk.remove()
            self.partner.stop()
            self.world.close()
            shutil.rmtree(self.root, ignore_errors=True)


def _body(path: Path) -> bytes:
    return base64.b64decode(json.loads(path.read_text())["body"])


TestNoAuditLost = Audits.TestCase
TestNoAuditLost.settings = settings(
    max_examples=examples(all=8, quick=4, campaign=25),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.mark.parametrize(
    ("what", "way", "setting"),
    [
        ("site", CallInWay.FILES, "site_disk_mib"),
        ("device", CallInWay.FILES, "device_disk_mib"),
        ("device", CallInWay.UPSTREAM, "device_disk_mib"),
        ("uploads", CallInWay.UPSTREAM, "upstream_spool_max_mib"),
    ],
)
def test_every_limit_is_reached_and_loses_nothing(what: str, way: CallInWay, setting: str) -> None:
    """The same machine without chance: else the runs above might say nothing of a limit."""
    machine = Audits()
    machine.begin()
    try:
        machine.choose(way)
        for number in range(200):
            machine.limit(what, PLENTY if number < 3 else 9_000)
            machine.call(device=1 + number % 2, events=[number % 13] * 4, numbered=True, fails="")
            machine.every_audit_is_somewhere()
            if setting in machine.refused_for:
                break
        assert machine.refused_for == {setting}
        assert number > 2, "the control: without a limit nothing is refused"
        machine.deliver("well", 1440)
        machine.every_audit_is_somewhere()
        machine.the_partner_gets_them_in_order()
    finally:
        machine.teardown()
