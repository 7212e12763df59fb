"""Every act that the audit log keeps, done on the command line: who did it, why, and in how many entries."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engage_server.cli.process.asking import AskingCommand
from engage_server.protocol.site_key import write_site_key
from engage_server.services.access.permissions import PERMISSIONS, Act
from tests.project.documentation import commands
from tests.support.chains import HOSTS, SITE_KEY
from tests.support.commands import engage
from tests.support.kpn import IMEI
from tests.support.sim.memory import MemoryAccount, iccid, reached_by_commands, sims
from tests.support.vendor_folder import Edits, write_vendor_folder
from tests.support.world import serial_of

HERE = [text for host in HOSTS for text in ("--host", host.text)]
LINKS = """
[links.depot]
site = "west"
partner = "kpn"
private_network = "10.151.0.0/16"

[sim.jpu]
profile = "emnify"
contract_file = "contract.json"
base_url = "https://api.example.net/v1"
"""
DATABASE = json.dumps(
    {"db": {"usrRcrd": {"deleteAll": 1, "add": []}, "schedules": [{"days": ["Mo"]}]}, "nxtDbVerTS": "0x1"}
)
SMS = "REBOOT canary-of-an-sms"
WORKER = (
    "INSERT INTO workers (worker, host, pid, listener, generation, served, trouble, seen_at) "
    "VALUES ('https 1 on b', 'b', 1, 'https', 1, '{}', '{}', '2026-01-02 03:04:00.000000')"
)
SEEN = (
    "INSERT INTO device_histories (site, identity, first_seen, last_seen, nights, due_at, notices, certificates, "
    "refusals, failure, fetched_release, finished_release, finished_at, asked_again_at, is_shared_address) "
    "VALUES ('main', '192.0.2.77', 1767323040, 1767323040, 1, 1767409440, 1, 0, 0, '', 0, 0, 0, 0, 0)"
)


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        words: What follows ``engage``.
        acts: What it does of the table. None for what only prepares the next one.
        entries: The actions that the audit log gets, in order. One for each act, where nothing is said here.
        typed: What the operator types.
    """

    words: tuple[str, ...]
    acts: tuple[Act, ...]
    entries: tuple[str, ...]
    typed: bytes | None = None


def step(words: str, acts: Act | tuple[Act, ...], *entries: str, typed: str | None = None) -> Step:
    of_acts = acts if isinstance(acts, tuple) else (acts,)
    return Step(tuple(words.split()), of_acts, entries, None if typed is None else typed.encode())


STARTED = ("rotation:started", "release:staged", "rotation:advanced", "rotation:advanced", "rotation:held")
REFUSED, REFUSED_TOO = (f"{serial_of(5)}~000000000{number}.422.json" for number in (1, 2))
# in the order in which they are done: each stands on those before it
STEPS = [
    step(
        f"init --site-key-file site.key {' '.join(HERE)}",
        Act.INSTALLATION_MAKE,
        # the first site is whole at once
        *("site:added", "release:staged", "release:activated"),
    ),
    step("site add north --host north.example.org --site-key-file site.key", Act.SITE_ADD, "site:added"),
    step("site change north --host n.example.org", Act.SITE_CHANGE, "site:changed"),
    step("site call-in north --files --unknown-devices enroll", Act.SITE_CHANGE, "site:changed"),
    step("site default north", Act.SITE_CHANGE, "site:made-default"),
    step("site default main", Act.SITE_CHANGE, "site:made-default"),
    step("site export-key north north.key", Act.SITE_KEY_EXPORT, "site:key-exported"),
    step("site rename north west", Act.SITE_RENAME, "site:renamed"),
    step(f"device add {serial_of(1)} --site west", Act.DEVICE_ADD, "device:added"),
    step("device import doors.csv --site west", Act.DEVICE_ADD, "device:added"),
    step("device import files --site west", Act.DEVICE_FILES_PUT, "device:imported"),
    step("device import more --site west", (Act.DEVICE_ADD, Act.DEVICE_FILES_PUT), "device:added", "device:imported"),
    step(f"device name {serial_of(1)} --site west --place yard", Act.DEVICE_NAME, "device:named"),
    step("device forget 192.0.2.77", Act.DEVICE_FORGET, "device:forgotten"),
    step(f"device remove {serial_of(1)} --site west --yes", Act.DEVICE_REMOVE, "device:removed"),
    step(f"upload try-again {REFUSED} --site main", Act.UPLOAD_TRY_AGAIN, "upload:tried-again"),
    step(f"upload discard {REFUSED_TOO} --site main --yes", Act.UPLOAD_DISCARD, "upload:discarded"),
    step("release stage next --site main", Act.RELEASE_STAGE, "release:staged"),
    step("release drop 2 --site main", Act.RELEASE_DROP, "release:dropped"),
    step("release stage next --site main", Act.RELEASE_STAGE, "release:staged"),
    step("release activate 2 --site main --yes", Act.RELEASE_ACTIVATE, "release:activated"),
    step("release rollback --site main --yes", Act.RELEASE_ROLL_BACK, "release:rolled-back"),
    step("release retire 2 --site main --yes", Act.RELEASE_RETIRE, "release:retired"),
    # each release that it stages and each move of the rotation has an entry of its own
    step("rotate start --way server-renewal --site main", Act.ROTATION_START, *STARTED),
    step("rotate approve --site main --yes", Act.ROTATION_APPROVE, "rotation:approved", "rotation:ended"),
    step("rotate start --way server-renewal --site main", Act.ROTATION_START, *STARTED),
    step("rotate abort --site main", Act.ROTATION_ABORT, "rotation:ended"),
    step("host forget b", Act.HOST_FORGET, "host:forgotten"),
    step("key export-release-key release.key", Act.RELEASE_KEY_EXPORT, "installation:release-key-exported"),
    step("key rotate", Act.KEY_ROTATE, "key:rotation-begun", "key:rotation-ended"),
    step(f"kpn device add {IMEI} --no-secret", Act.KPN_DEVICE_CHANGE, "kpn-device:added"),
    step(f"kpn downlink send {IMEI} report=now", Act.DOWNLINK_SEND, "downlink:queued"),
    step("kpn downlink cancel 1", Act.DOWNLINK_SEND, "downlink:cancelled"),
    step(f"kpn device remove {IMEI} --yes", Act.KPN_DEVICE_CHANGE, "kpn-device:removed"),
    step(f"sim set {iccid(1)} --to SUSPENDED --yes", Act.SIM_SET, "sim:state-ordered", "sim:order-ended"),
    # the order, and what came of it: many SIMs are one act
    step("sim set --tag depot --to ACTIVE --yes", Act.SIM_SET, "sim:state-ordered", "sim:order-ended"),
    step(
        f"sim set {iccid(1)} --to RETIRED --permanently",
        Act.SIM_RETIRE,
        "sim:retirement-ordered",
        "sim:order-ended",
        typed=f"{iccid(1)}\n",
    ),
    step("sim tag add winter --group locks --yes", Act.SIM_CHANGE, "sim:change-ordered", "sim:order-ended"),
    step(
        "sim sms send --yes --text-file - " + iccid(2),
        Act.SIM_MESSAGE_SEND,
        "sim:message-ordered",
        "sim:order-ended",
        typed=SMS,
    ),
    step("sim rule remove fw-1 r-1 --yes", Act.SIM_NETWORK_CHANGE, "sim-network:change-ordered", "sim:order-ended"),
    step(
        "sim user add anna --email a@example.org --permission all",
        Act.SIM_USER_ADD,
        "sim-user:ordered",
        "sim:order-ended",
    ),
    step("people add anna --role admin", Act.PEOPLE_CHANGE, "person:added"),
    step("people change anna --role viewer", Act.PEOPLE_CHANGE, "person:changed"),
    step("people openid anna --none", Act.PEOPLE_CHANGE, "person:changed"),
    step("people lock anna", Act.PEOPLE_CHANGE, "person:locked"),
    step("people reset anna", Act.PEOPLE_CHANGE, "person:reset"),
    step("people remove anna --yes", Act.PEOPLE_CHANGE, "person:removed"),
    step("token add ci --role viewer", Act.TOKEN_CHANGE, "token:added"),
    step("token revoke ci", Act.TOKEN_CHANGE, "token:revoked"),
    step("alert add command log --run /bin/cat", (Act.ALERT_CHANGE, Act.ALERT_COMMAND_SET), "alert:recipient-added"),
    step("alert test log", Act.ALERT_TEST, "alert:recipient-tested"),
    step("alert remove log", Act.ALERT_CHANGE, "alert:recipient-removed"),
    step("backup create here.tar.gz", Act.BACKUP_CREATE, "backup:created"),
    step("store copy --to sqlite:///copy.db", Act.STORE_COPY, "store:copied"),
    step("site remove west --yes", Act.SITE_REMOVE, "site:removed"),
    step(
        "import vendor vendor --site old --site-key-file site.key --apply",
        Act.VENDOR_IMPORT,
        # a whole site is taken over
        *("site:added", "release:staged", "release:activated", "vendor:imported", "device:added"),
    ),
]
SEEING = [
    *("status", "site list", "site show main", "device list --site main", "release list", "release show 1 --site main"),
    *(
        "rotate plan --site main",
        "rotate status",
        "host list",
        "upload list --site main",
        "audit show",
        "audit verify",
        "people list",
    ),
    *(
        "token list",
        "alert list",
        "link list",
        "kpn device list",
        "kpn downlink list",
        "settings",
        "device export --site main",
    ),
]


def named(one: Step) -> str:
    return " ".join(one.words)


def entries(folder: Path) -> list[Mapping[str, Any]]:
    """The whole audit log, read past the commands, which would be slower."""
    with sqlite3.connect(folder / "data" / "engage.db") as connection:
        rows = connection.execute("SELECT actor, action, reason, facts FROM audit_events ORDER BY id").fetchall()
    return [dict(zip(("actor", "action", "reason", "facts"), row, strict=True)) for row in rows]


def sql(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "data" / "engage.db") as connection:
        connection.execute(statement)


def prepare(folder: Path) -> None:
    """The files that the steps name."""
    (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
    (folder / "doors.csv").write_text(f"{serial_of(2)}\n")
    for name, number in (("files", 2), ("more", 3)):
        below = folder / name / serial_of(number)
        below.mkdir(parents=True)
        (below / "database.json").write_text(DATABASE)
    (folder / "links.toml").write_text(LINKS)
    write_vendor_folder(
        folder / "vendor", Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, host="10.1.2.3")
    )
    done = engage(folder, "chain", "build", "next", *HERE)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("acts")


@pytest.fixture(scope="module")
def walked(folder: Path) -> Mapping[int, list[Mapping[str, Any]]]:
    """What the audit log got of each step."""
    prepare(folder)
    found: dict[int, list[Mapping[str, Any]]] = {}
    with reached_by_commands(MemoryAccount(sims(3))):
        _walk(folder, found)
    return found


def _walk(folder: Path, found: dict[int, list[Mapping[str, Any]]]) -> None:
    before = 0
    for number, each in enumerate(STEPS):
        if each.words[:2] in (("device", "forget"), ("host", "forget")):
            sql(folder, SEEN if each.words[0] == "device" else WORKER)
        if each.words[:2] == ("upload", "try-again"):
            below = folder / "data" / "spool" / "upstream" / "main" / "refused"
            below.mkdir(parents=True)
            for name in (REFUSED, REFUSED_TOO):
                (below / name).write_text("{}")
        done = engage(folder, *each.words, "--reason", f"reason {number}", stdin=each.typed, SUDO_USER="anna")
        assert done.returncode == 0, f"{named(each)}: {done.stdout}{done.stderr}"
        after = entries(folder)
        found[number] = after[before:]
        before = len(after)


def test_every_act_that_is_recorded_is_walked() -> None:
    done = {act for each in STEPS for act in each.acts}
    elsewhere = {Act.BACKUP_RESTORE}  # in the log that is restored: tests/unit/composition/test_recovery.py
    assert done | elsewhere == {act for act, permission in PERMISSIONS.items() if permission.is_recorded}


def test_the_acts_of_a_step_are_those_of_its_command() -> None:
    known = {name.removeprefix("engage "): command for name, command in commands()}
    for each in STEPS:
        command = next(known[name] for n in (3, 2, 1) if (name := " ".join(each.words[:n])) in known)
        assert isinstance(command, AskingCommand)
        assert {*each.acts} <= {*command.acts}, named(each)


@pytest.mark.parametrize("number", range(len(STEPS)), ids=lambda number: " ".join(STEPS[number].words[:3]))
def test_an_act_has_its_entries_with_one_actor_and_one_reason(
    number: int, walked: Mapping[int, list[Mapping[str, Any]]]
) -> None:
    found = walked[number]
    assert [each["action"] for each in found] == list(STEPS[number].entries)
    assert {each["actor"] for each in found} == {"anna as root"}
    assert {each["reason"] for each in found} == {f"reason {number}"}
    assert all("reason" not in json.loads(each["facts"]) for each in found)


def test_no_secret_is_in_any_entry(folder: Path, walked: Mapping[int, list[Mapping[str, Any]]]) -> None:
    log = json.dumps([*walked.values()])
    key = (folder / "site.key").read_text().strip()
    assert "kpn-device:added" in log, "the control"
    assert key not in log
    assert "sim:message-ordered" in log
    assert SMS not in log
    assert "PRIVATE KEY" not in log
    assert "engage_" not in log


@pytest.mark.usefixtures("walked")
def test_what_only_sees_leaves_no_entry(folder: Path) -> None:
    before = len(entries(folder))
    for words in SEEING:
        done = engage(folder, *words.split())
        assert done.returncode in (0, 1), f"{words}: {done.stderr}"
    assert len(entries(folder)) == before


@pytest.mark.usefixtures("walked")
def test_without_a_reason_there_is_none(folder: Path) -> None:
    assert engage(folder, "site", "change", "main", "--approvals", "1").returncode == 0
    assert entries(folder)[-1]["reason"] == ""


@pytest.mark.usefixtures("walked")
def test_a_reason_is_part_of_the_signed_log(folder: Path) -> None:
    assert engage(folder, "audit", "verify").returncode == 0
    shown = json.loads(engage(folder, "audit", "show", "--json").stdout)
    assert shown[0]["reason"] == "reason 0"
