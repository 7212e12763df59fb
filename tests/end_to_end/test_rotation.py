"""Rotation as operators run it: the commands, the gate that goes on by itself, and sites that have no names."""

import json
import socket
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engage_server.composition.operator_side import OperatorSide, open_operator_side
from engage_server.protocol.site_key import write_site_key
from engage_server.records import Occasion
from engage_server.settings import load_settings
from tests.support.chains import HOSTS, OTHER_SITE_KEY, SITE_KEY
from tests.support.postgresql import PostgresServer
from tests.support.rotating import night, progress, seen
from tests.support.running import NOTICE, PATIENCE, RunningPair, engage, eventually, ok, running_pair
from tests.support.world import serial_of


def test_a_new_root_from_plan_to_retirement(installation: Path) -> None:
    with running_pair(installation, "--workers", "1", ENGAGE_GATE_SECONDS="0.5") as pair:
        for device in (1, 2):
            night(pair, device)
        eventually(lambda: seen(installation, 1, 2), "both devices are known")
        planned = ok(engage(installation, "rotate", "plan"))
        assert "nothing is due" in planned
        detail = ok(engage(installation, "rotate", "plan", "--verbose"))
        assert detail.count("device with the old anchor: accepts it") == 4
        assert "linked-rekey" in planned
        started = ok(engage(installation, "rotate", "start", "--way", "linked-rekey", "--soak-hours", "0"))
        assert "validated the chains with the old anchor and with the new one" in started
        assert "release 2 of main is served (step 1 of 2)" in started
        refused = engage(installation, "release", "activate", "1")
        assert (refused.returncode, "rotate abort" in refused.stderr) == (2, True)
        eventually(lambda: served(installation) == {2}, "the workers follow")
        assert "another notice" not in night(pair, 1)
        assert progress(installation)["served"] == 2, "one device is missing"
        running = 'engage_rotation_open{site="main",state="running"}'
        eventually(lambda: pair.metrics()[running] == 1, "monitoring sees it")
        eventually(lambda: missing(installation, 2) == [serial_of(2)], "the other one's visit is stored")
        night(pair, 2)
        eventually(lambda: progress(installation)["served"] == 3, "the gate goes on by itself")
        eventually(lambda: served(installation) == {3}, "the workers follow")
        for device in (1, 2):
            came = night(pair, device)
            assert "trusting only" in came, "it failed once, and took the new anchor"
        eventually(lambda: progress(installation)["state"] == "done", "and ends it")
        assert "the servers themselves" in ok(engage(installation, "audit", "show"))
        assert "its private key is destroyed" in ok(engage(installation, "release", "retire", "1", "--yes"))
        assert "rotation of main: release 3 of main is served" in pair.log
    assert "none missing" in ok(engage(installation, "audit", "verify"))


def served(folder: Path) -> set[int]:
    """Which releases the workers say that they serve."""
    side = open_operator_side(load_settings(None, {}, {}, folder), {})
    try:
        return {number for each in side.confirmations.workers() for number in each.served.values()}
    finally:
        side.close()


def missing(folder: Path, release: int) -> list[str]:
    """The devices that have not taken a release."""
    listed = json.loads(ok(engage(folder, "device", "list", "--release", release, "--missing", "--json")))
    return [each["serial"] for each in listed]


def test_abort_and_what_it_says(installation: Path) -> None:
    ok(engage(installation, "rotate", "start", "--way", "cut-over"))
    assert progress(installation)["state"] == "held"
    status = " ".join(ok(engage(installation, "rotate", "status")).split())
    assert "nothing can be proven" in status
    assert "rotate approve --site main" in status
    aborted = ok(engage(installation, "rotate", "abort", "--reason", "only a trial"))
    assert "release 1 is current" in aborted
    assert "only a trial" in ok(engage(installation, "audit", "show", "--last", "1"))
    again = engage(installation, "rotate", "abort")
    assert (again.returncode, "rotation.not_found" in again.stderr) == (2, True)
    nothing_due = engage(installation, "rotate", "start")
    assert (nothing_due.returncode, "nothing is due" in nothing_due.stderr) == (2, True)
    held = ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    assert "held" in held
    assert "done: release 3" in ok(engage(installation, "rotate", "approve", "--reason", "no device is here yet"))
    missing = engage(installation, "rotate", "approve", "--reason", "x")
    assert missing.returncode == 2


def test_the_authority_can_be_elsewhere(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    vault = tmp_path_factory.mktemp("vault")
    (installation / "certs" / "main").rename(vault / "main")
    without = engage(installation, "rotate", "start", "--way", "server-renewal")
    assert (without.returncode, "authority.missing" in without.stderr) == (3, True)
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    arguments = ("--from", vault / "main", "--way", "server-renewal", *hosts)
    ok(engage(installation, "chain", "renew", vault / "new", *arguments))
    assert not list((vault / "new").rglob("partner_CA.key")), "the CAs' keys stay where they are"
    assert "nothing was started: site main: the private key of its intermediate" in without.stderr
    assert json.loads(ok(engage(installation, "rotate", "status", "--json"))) == []
    nowhere = engage(installation, "rotate", "start", "--way", "server-renewal", "--prepared", vault / "nowhere")
    assert (nowhere.returncode, "has no chains of a rotation" in nowhere.stderr) == (3, True)
    assert not (vault / "nowhere").exists()
    ok(engage(installation, "rotate", "start", "--way", "server-renewal", "--prepared", vault / "new"))
    assert json.loads(ok(engage(installation, "release", "list", "--json")))[1]["state"] == "current"


def test_encrypted_authority_keys(installation: Path) -> None:
    (installation / "pass").write_text("open sesame\n")
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(installation, "chain", "build", "certs/sealed", *hosts, "--passphrase-file", "pass"))
    ok(engage(installation, "release", "stage", "certs/sealed"))
    ok(engage(installation, "release", "activate", "2"))
    assert "is encrypted: --passphrase-file opens it" in ok(engage(installation, "rotate", "plan"))
    without = engage(installation, "rotate", "start", "--way", "linked-rekey")
    assert without.returncode == 3
    ok(engage(installation, "rotate", "start", "--way", "linked-rekey", "--passphrase-file", "pass"))
    for key in installation.glob("certs/main-*/*/partner_CA.key"):
        assert b"ENCRYPTED" in key.read_bytes()


def test_waves_begin_with_the_canary(installation: Path) -> None:
    (installation / "north.key").write_bytes(write_site_key(OTHER_SITE_KEY))
    ok(engage(installation, "site", "add", "north", "--host", "north.example", "--site-key-file", "north.key"))
    ok(engage(installation, "chain", "build", "certs/north", "--host", "north.example"))
    ok(engage(installation, "release", "stage", "certs/north", "--site", "north"))
    ok(engage(installation, "release", "activate", "1", "--site", "north"))
    ok(engage(installation, "rotate", "start", "--site", "north", "--way", "server-renewal", "--wave", "main"))
    states = {each["site"]: each for each in json.loads(ok(engage(installation, "rotate", "status", "--json")))}
    assert (states["north"]["served"], states["main"]["served"]) == (2, 1)
    assert states["main"]["after"] == ["north"]
    assert "the rotation of north must be done first: it is" in states["main"]["gate"]["why"]


def test_status_at_a_glance(installation: Path) -> None:
    alone = engage(installation, "status", "--json")
    assert alone.returncode == 1, "nobody serves devices"
    (site,) = json.loads(alone.stdout)["sites"]
    assert [each["role"] for each in site["certificates"]] == ["server", "intermediate", "root"]
    assert all(
        each["urgency"] == "fine" and each["last_safe_start"] < each["not_after"] for each in site["certificates"]
    )
    assert site["pace"]["measured"] is False
    shown = engage(installation, "status").stdout
    assert "last safe day to start" in shown
    assert shown.splitlines()[-1].endswith("serve")
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(installation, "chain", "build", "short", *hosts, "--server-days", "40"))
    ok(engage(installation, "release", "stage", "short"))
    ok(engage(installation, "release", "activate", "2"))
    late = engage(installation, "status")
    assert late.returncode == 1
    assert " late" in late.stdout
    (site,) = json.loads(engage(installation, "status", "--json").stdout)["sites"]
    assert [each["urgency"] for each in site["certificates"]] == ["late", "fine", "fine"], "one figure for each"


def test_devices_are_imported_and_exported(installation: Path) -> None:
    (installation / "doors.csv").write_text(f"serial,door\n{serial_of(1)},front\n{serial_of(2)},back\n")
    assert "2 devices added" in ok(engage(installation, "device", "import", "doors.csv", "--site", "main"))
    assert "0 devices added" in ok(engage(installation, "device", "import", "doors.csv", "--site", "main"))
    exported = ok(engage(installation, "device", "export")).splitlines()
    assert exported[0].startswith("device,site,grade")
    assert exported[1].startswith(f"{serial_of(1)},main,never_seen")
    assert "was added, and never seen" in ok(engage(installation, "device", "show", serial_of(2)))
    (installation / "bad.csv").write_text("a,b\n12,34\n")
    bad = engage(installation, "device", "import", "bad.csv", "--site", "main")
    assert (bad.returncode, "bad.csv: no serial number on line 2" in bad.stderr) == (2, True)
    (installation / "binary").write_bytes(b"\xff\xfe\x00")
    assert engage(installation, "device", "import", "binary", "--site", "main").returncode == 3
    assert engage(installation, "device", "show", "nobody").returncode == 2


def test_a_changed_audit_log_is_told(installation: Path) -> None:
    noted = ok(engage(installation, "audit", "verify")).partition("--expect ")[2].strip()
    assert engage(installation, "audit", "verify", "--expect", noted).returncode == 0
    with closing(sqlite3.connect(installation / "data" / "engage.db")) as database:
        database.execute("UPDATE audit_events SET actor = 'nobody' WHERE id = 1")
        database.commit()
    changed = engage(installation, "audit", "verify")
    assert (changed.returncode, "entry 1 was changed" in changed.stdout) == (1, True)
    replaced = engage(installation, "audit", "verify", "--expect", f"1:{'0' * 64}")
    assert "the log was replaced" in replaced.stdout
    assert engage(installation, "audit", "verify", "--expect", "x").returncode == 2


@pytest.mark.long("tests/unit/services/distribution/test_lookup.py, and test_following.py")
def test_a_release_that_can_not_be_loaded_leaves_the_last_good_one(installation: Path) -> None:
    """As on a node with another key-encryption key: the release's key does not open there."""
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(installation, "chain", "build", "second", *hosts))
    ok(engage(installation, "release", "stage", "second"))
    with running_pair(installation, "--workers", "1") as pair:
        workers = pair.workers()
        assert ready(pair) == {"status": "ready"}
        with closing(sqlite3.connect(installation / "data" / "engage.db")) as database:
            (key,) = database.execute("SELECT private_key_sealed FROM releases WHERE number = 2").fetchone()
            database.execute("UPDATE releases SET private_key_sealed = ? WHERE number = 2", (bytes([key[0]]) * 99,))
            database.execute("UPDATE releases SET state = 'retired' WHERE number = 1")
            database.execute("UPDATE releases SET state = 'current' WHERE number = 2")
            database.execute("UPDATE installation SET generation = generation + 1")
            database.commit()
            eventually(lambda: ready(pair) == {"status": "behind", "reasons": ["seal.broken"]}, "it says so")
            assert common_name(pair.https_port, "127.0.0.1", None, installation / "certs/main/partner_CA.pem")
            assert "main stays at release 1, the last good one" in pair.log
            told = "serves release 1: private key of release 2 of main"
            eventually(lambda: told in engage(installation, "status").stdout, "the store knows")
            status = engage(installation, "status")
            assert (status.returncode, f"https {workers[1]} on " in status.stdout) == (1, True)
            database.execute("UPDATE releases SET private_key_sealed = ? WHERE number = 2", (key,))
            database.commit()
        eventually(lambda: ready(pair) == {"status": "ready"}, "it tries again by itself")
        assert common_name(pair.https_port, "127.0.0.1", None, installation / "second/partner_CA.pem")
        assert pair.workers() == workers, "nobody died"


def ready(pair: RunningPair) -> dict[str, object]:
    """What the TLS instance's ``/readyz`` says."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        closing(socket.create_connection(("127.0.0.1", pair.https_port), timeout=PATIENCE)) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    found = json.loads(received.partition(b"\r\n\r\n")[2])
    assert isinstance(found, dict)
    return found


def test_back_and_away_for_good(installation: Path) -> None:
    nothing = engage(installation, "release", "rollback")
    assert (nothing.returncode, "release.nothing_before" in nothing.stderr) == (2, True)
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(installation, "chain", "build", "second", *hosts))
    ok(engage(installation, "release", "stage", "second"))
    ok(engage(installation, "release", "activate", "2"))
    back = ok(engage(installation, "release", "rollback", "--reason", "they stay dark"))
    assert "release 1 of main is current again" in back
    assert "they stay dark" in ok(engage(installation, "audit", "show"))
    unsure = engage(installation, "release", "retire", "2", stdin=b"n\n")
    assert unsure.returncode == 130
    ok(engage(installation, "release", "retire", "2", "--yes"))
    gone = engage(installation, "release", "activate", "2")
    assert (gone.returncode, "its private key is destroyed" in gone.stderr) == (2, True)
    current = engage(installation, "release", "retire", "1", "--yes")
    assert (current.returncode, "devices are served with its key" in current.stderr) == (2, True)
    assert "release 2 of main: retired" in ok(engage(installation, "release", "show", "2"))
    ok(engage(installation, "release", "stage", "second"))
    ok(engage(installation, "release", "activate", "3"))


@pytest.fixture
def two_sites(installation: Path) -> Path:
    """A second site whose devices call another address of this host, and know no name."""
    (installation / "north.key").write_bytes(write_site_key(OTHER_SITE_KEY))
    arguments = ("--host", "north.example", "--site-key-file", "north.key", "--local-address", "127.0.0.2")
    ok(engage(installation, "site", "add", "north", *arguments))
    ok(engage(installation, "chain", "build", "certs/north", "--host", "north.example"))
    ok(engage(installation, "release", "stage", "certs/north", "--site", "north"))
    ok(engage(installation, "release", "activate", "1", "--site", "north"))
    return installation


def common_name(port: int, address: str, server_name: str | None, root: Path) -> str:
    """Of the server certificate that a client gets at this address."""
    context = ssl.create_default_context(cafile=str(root))
    context.check_hostname = False
    with (
        closing(socket.create_connection((address, port), timeout=PATIENCE)) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as connection,
    ):
        subject = dict(part[0] for part in (connection.getpeercert() or {}).get("subject", ()))  # type: ignore[misc]  # ssl's own nesting
        return str(subject["commonName"])


@pytest.mark.campaign("tests/unit/services/distribution/test_lookup.py, without a pair")
def test_a_site_is_chosen_by_name_then_by_local_address_then_the_default(two_sites: Path) -> None:
    main, north = (two_sites / "certs" / name / "partner_CA.pem" for name in ("main", "north"))
    with running_pair(two_sites, "--workers", "1", ENGAGE_BIND="127.0.0.1") as first:
        assert common_name(first.https_port, "127.0.0.1", None, main) == HOSTS[0].text
    with everywhere(two_sites) as pair:
        port = pair.https_port
        assert common_name(port, "127.0.0.2", None, north) == "north.example"
        assert common_name(port, "127.0.0.1", None, main) == HOSTS[0].text, "the default"
        assert common_name(port, "127.0.0.2", HOSTS[0].text, main) == HOSTS[0].text, "the name counts first"
        assert common_name(port, "127.0.0.1", "north.example", north) == "north.example"
        assert common_name(port, "127.0.0.2", "unknown.example", north) == "north.example"
        with pytest.raises(ssl.SSLError):
            common_name(port, "127.0.0.2", None, main)
        for host, address, site in (
            ("", "127.0.0.2", "north.example"),
            ("nobody.example", "127.0.0.2", "north.example"),
            (HOSTS[0].text, "127.0.0.2", HOSTS[0].text),
            ("", "127.0.0.1", HOSTS[0].text),
        ):
            assert f"http://{site}:" in notice_at(pair, address, host), (host, address)
            assert f"http://{site}:" in notice_at(pair, address, host, "X-Odd: 1\r\n"), "by way of the app, too"
        ok(engage(two_sites, "site", "change", "north", "--no-local-address", "--reason", "moved"))
        eventually(lambda: f"http://{HOSTS[0].text}:" in notice_at(pair, "127.0.0.2", ""), "followed at once")


def everywhere(folder: Path) -> AbstractContextManager[RunningPair]:
    """A pair on all addresses of this host."""
    return running_pair(folder, "--workers", "1", "--bind", "0.0.0.0")


def notice_at(pair: RunningPair, address: str, host: str, more: str = "") -> str:
    """The notice that is given at one address of this host."""
    with closing(socket.create_connection((address, pair.http_port), timeout=PATIENCE)) as connection:
        connection.sendall(f"GET {NOTICE} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received.decode()


def confirmed(operator: OperatorSide, generation: int) -> Callable[[], bool]:
    """Asks whether all workers have confirmed this generation."""
    return lambda: operator.confirmations.look("main", generation).is_complete


@pytest.mark.long("tests/unit/store/test_contract.py: a change wakes who waits")
def test_on_postgresql_workers_are_told_of_a_change(tmp_path: Path, postgresql: PostgresServer) -> None:
    """With polls two seconds apart, a change arrives far sooner: LISTEN and NOTIFY.

    Workers that have just confirmed have just looked: by polls alone, each activation but the first waits for some two
    seconds. The shortest of them says so, because a busy machine delays some and not each.
    """
    (tmp_path / "site.key").write_bytes(write_site_key(SITE_KEY))
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    environment: dict[str, Any] = {"ENGAGE_DATABASE_URL": postgresql.new_database()}
    ok(engage(tmp_path, "init", *hosts, "--site-key-file", "site.key", **environment))
    ok(engage(tmp_path, "chain", "build", "second", *hosts))
    ok(engage(tmp_path, "release", "stage", "second", **environment))
    operator: OperatorSide = open_operator_side(load_settings(None, environment, {}, tmp_path), environment)
    pair = running_pair(tmp_path, "--workers", "2", ENGAGE_POLL_SECONDS="2", **environment)
    with closing(operator), pair:
        eventually(lambda: len(operator.confirmations.workers()) == 4, "all workers say that they live")
        seconds = []
        for number in (2, 1, 2, 1, 2, 1):
            operator.releases.activate("main", number, {}, Occasion("tester", datetime.now(UTC)))
            generation = operator.confirmations.generation()
            seconds.append(eventually(confirmed(operator, generation), "all workers confirm"))
        assert min(seconds[1:]) < 1, f"by polls alone none would: {seconds}"
