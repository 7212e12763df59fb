"""What the functions return is what their shapes say: judged by pydantic, and by the schema that the API publishes."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engage_server.as_json.access import PersonJson, TokenJson, person_json, token_json
from engage_server.as_json.call_faults import CallFaultJson, call_faults_json
from engage_server.as_json.chain_check import ChainCheckJson, chain_check_json, json_report
from engage_server.as_json.checkup import ChecksJson, checks_json
from engage_server.as_json.devices import DeviceJson, KnownDeviceJson, device_json, known_device_json
from engage_server.as_json.disk import DiskJson, disk_json
from engage_server.as_json.errors import FailureJson, error_json
from engage_server.as_json.hosts import HostJson, host_json
from engage_server.as_json.kpn import DownlinkJson, KpnDeviceJson, downlink_json, kpn_device_json
from engage_server.as_json.paths import LinkJson, PathEventJson, link_json, path_event_json
from engage_server.as_json.releases import (
    ConfirmationJson,
    confirmation_json,
)
from engage_server.as_json.rotation import RetirementJson, retirement_json
from engage_server.as_json.sightings import SightingJson, sighting_json
from engage_server.as_json.uploads import UploadJson, upload_json
from engage_server.as_json.vendor import VendorReviewJson, review_json
from engage_server.checks import run_checks
from engage_server.checks.reports.result import CheckRun, result_of
from engage_server.errors import NotFound
from engage_server.records import (
    AccessToken,
    DeviceHistory,
    DeviceLabel,
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    Grade,
    Grant,
    KpnDevice,
    LinkStanding,
    PathEvent,
    PathSays,
    Person,
    PersonState,
    ReleaseHistory,
    Role,
    Sighting,
    SightingKind,
    SimType,
    StoredPathEvent,
    WorkerStatus,
)
from engage_server.services.device_files.exchange import DeviceEvent
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.device_files.finding import FoundFiles
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.device_files.uploads import taken
from engage_server.services.disk_space.room import DiskLimits
from engage_server.services.disk_space.use import SiteUse
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.evidence.diagnosis import Diagnosis
from engage_server.services.installation.checkup import Check, Level
from engage_server.services.installation.disk_overview import DiskStatus
from engage_server.services.releases.confirmation import Confirmation
from engage_server.services.releases.retirement import RetirementAdvice
from engage_server.services.releases.serving_hosts import ServingHost
from engage_server.services.site_path.paths import LinkReport
from engage_server.services.site_path.standing import link_path
from engage_server.services.vendor.review import VendorReview
from engage_server.services.vendor.sample import VendorSample
from engage_server.services.vendor.script import NoticeReading, VendorScript
from tests.support.chains import HOSTS, NOW
from tests.support.defects import DEFECTS, case_of
from tests.support.shapes import judge
from tests.support.world import serial_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERIAL = serial_of(1)
GRANT = Grant(Role.OPERATOR, frozenset({"north", "main"}))
WORKER = WorkerStatus("https 1 on a", "a", 1, "https", 7, {"main": 1}, {"main": "no key", "": "the disk is full"}, NOW)
HISTORY = DeviceHistory(
    "main",
    SERIAL,
    NOW - 9 * DAY,
    NOW,
    9,
    NOW + DAY,
    home="192.0.2.1",
    home_since=NOW,
    away="192.0.2.9",
    away_since=NOW,
    releases={2: ReleaseHistory(Grade.HANDSHAKE, NOW), 1: ReleaseHistory(Grade.AUTHENTICATED, NOW)},
)
SEEN = DeviceView("main", SERIAL, HISTORY, Grade.NOTICE, 0, Diagnosis("loop", "why", "what"), {"future": 2})
UNSEEN = DeviceView("main", SERIAL, None, None, None, None)
PERSON = Person("anna", GRANT, PersonState.ACTIVE, "$argon2id$", "", NOW)
TOKEN = AccessToken("0123", "monitor", "anna", Grant(Role.VIEWER), "ab" * 32, NOW, NOW + DAY, revoked_at=NOW)
CHAINS = CheckRun(
    NOW,
    "any",
    4096,
    [
        result_of(name, case_of(function), run_checks(case_of(function)))
        for name, (function, _) in [*DEFECTS.items()][:4]
    ],
)
PATH_EVENT = StoredPathEvent(3, PathEvent("main", "kpn", NOW, "kpn_message", PathSays.WORKS, {"imei": "1"}))
STANDING = LinkStanding("kpn", "main", "kpn", 600, NOW, NOW, "kpn_message")
REVIEW = VendorReview(
    VendorSample(
        Path("sample"), (VendorScript(Path("a.py"), NoticeReading.READ, "", "", "", "", ""),), {}, FoundFiles()
    ),
    None,
    "",
    is_held=False,
    hosts=HOSTS,
    chain=None,
    faults=tuple(run_checks(case_of(next(iter(DEFECTS.values()))[0]))),
)

# what needs no store: the name of each case, its shape, and what a function returned
CASES: list[tuple[str, Any, Any]] = [
    ("person", PersonJson, person_json(PERSON)),
    ("token", TokenJson, token_json(TOKEN)),
    ("device", DeviceJson, device_json(SEEN)),
    ("device that was never seen", DeviceJson, device_json(UNSEEN)),
    (
        "known device",
        KnownDeviceJson,
        known_device_json(
            SEEN,
            GivenDatabase(NOW, "1", "2"),
            [DeviceEvent("2026-01-01T00:00:00Z", "", "0123", "it opened")],
            [CallFault(NOW, SERIAL, "the disk is full")],
        ),
    ),
    ("device with nothing", KnownDeviceJson, known_device_json(UNSEEN, None, [], [])),
    (
        "call faults",
        list[CallFaultJson],
        call_faults_json([CallFault(NOW, SERIAL, "the disk is full")], {SERIAL: DeviceLabel("North")}),
    ),
    (
        "sighting",
        SightingJson,
        sighting_json(Sighting(SightingKind.AUDIT, NOW, "https", "192.0.2.1", SERIAL, "main", 1)),
    ),
    ("confirmation", ConfirmationJson, confirmation_json(Confirmation(7, (WORKER,), (), (WORKER,)))),
    ("retirement", RetirementJson, retirement_json(RetirementAdvice((1, 2), True, "yes", None))),
    ("host", HostJson, host_json(ServingHost("a", (WORKER,), (replace(WORKER, seen_at=None),)))),
    ("checks", ChecksJson, checks_json([Check("disk", Level.OK, "it is not full")], Level.OK)),
    ("error", FailureJson, error_json(NotFound("there is no site x", "List them.", code="site.not_found"))),
    ("chain check", ChainCheckJson, chain_check_json(CHAINS)),
    ("link", LinkJson, link_json(LinkReport(STANDING, link_path(STANDING, NOW)))),
    ("path event", PathEventJson, path_event_json(PATH_EVENT)),
    (
        "KPN device",
        KpnDeviceJson,
        kpn_device_json(KpnDevice("1" * 15, "kpn", "", "", "", SimType.M2M_PLUS, None, NOW), None, check_digit=False),
    ),
    (
        "downlink",
        DownlinkJson,
        downlink_json(
            Downlink(1, "1" * 15, DownlinkChannel.SMS, "[]", DownlinkStatus.QUEUED, NOW, NOW), DownlinkStatus.FAILED
        ),
    ),
    (
        "disk",
        DiskJson,
        disk_json(
            DiskStatus({"main": SiteUse(1, 2, 1)}, DiskLimits(9, 9, 9, 9), None, "the disk is full", {"main": 3}, 3)
        ),
    ),
    ("vendor's sample", VendorReviewJson, review_json(REVIEW, ["imported the site key"])),
    ("upload", UploadJson, upload_json(taken([], {"a": 1}, NOW).entries[0])),
]


@pytest.mark.parametrize(("shape", "value"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_value_keeps_to_its_shape(shape: Any, value: Any) -> None:
    judge(shape, value)


def test_a_time_without_its_zone_is_found() -> None:
    with pytest.raises(jsonschema.ValidationError, match="date-time"):
        judge(PersonJson, person_json(PERSON) | {"created_at": "2026-01-01T00:00:00"})


def test_a_report_in_parts_is_the_whole_value() -> None:
    assert json.loads("".join(json_report(CHAINS))) == chain_check_json(CHAINS)


def test_no_secret_of_a_person_or_a_token_is_in_it() -> None:
    text = json.dumps([person_json(PERSON), token_json(TOKEN)])
    assert PERSON.password_hash not in text
    assert TOKEN.digest not in text
