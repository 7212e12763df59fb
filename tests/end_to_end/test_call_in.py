"""Call-ins over real sockets: each answer's very bytes, who is answered where, and whole nights."""

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock
from engage_server.protocol.serial_number import encode_serial
from tests.support import checkout
from tests.support.calling_in import ask, head
from tests.support.chains import SITE_KEY
from tests.support.installation import make_installation
from tests.support.partner import DATABASE as PARTNERS_DATABASE
from tests.support.partner import Partner
from tests.support.running import RunningPair, engage, eventually, ok, running_pair
from tests.support.world import serial_of

SERIAL = serial_of(1)
STRANGER = serial_of(99)
DATABASE: dict[str, Any] = {
    "db": {
        "usrRcrd": {"deleteAll": 1, "delete": [], "update": [], "add": [{"usrID": 1}]},
        "schedules": [{"days": ["Mo"]}],
    },
    "config": {"relock": 3},
    "nxtDbVerTS": "0x10",
}
AUDITS = {"serialNumber": SERIAL, "audits": [{"event": "0B07", "eventData": "0000", "timestamp": "20261121000000"}]}


def write_devices(folder: Path, serials: list[str]) -> Path:
    """Files as ``engage device import`` takes them."""
    for serial in serials:
        (folder / serial).mkdir(parents=True)
        (folder / serial / "database.json").write_text(json.dumps(DATABASE))
    return folder


@pytest.fixture(scope="module")
def files_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair that answers from files, also on the plain instance for its second site."""
    folder = make_installation(tmp_path_factory.mktemp("files"))
    ok(
        engage(
            folder,
            "device",
            "import",
            write_devices(folder / "in", [serial_of(n) for n in range(40)]),
            "--site",
            "main",
        )
    )
    ok(engage(folder, "site", "add", "open", "--host", "open.example.org", "--site-key-file", "site.key"))
    told = engage(folder, "site", "call-in", "open", "--insecure-call-in", "--unknown-devices", "enroll")
    assert "warning: with insecure_call_in" in told.stderr
    with running_pair(folder, "--workers", "2") as pair:
        yield pair


NO_BODY = "Host: x"
JSON_TYPE = "Content-Type: application/json\r\n"
QUERY = f"?serialNumber={encode_serial(SERIAL)}"
ASK_DATABASE = f"GET /swordfish/lock/db/0{QUERY} HTTP/1.1\nHost: x"


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class TestGoldenBytes:
    """Each answer of the table in the protocol notes, section 5."""

    @pytest.mark.parametrize("name", ["Config", "config", "CONFIG", "cOnFiG"])
    def test_config(self, files_pair: RunningPair, name: str) -> None:
        body = _compact({"serialNumber": SERIAL, "wifi": {"ssid": "lobby", "Password": "hunter2"}})
        answer = ask(files_pair, f"PUT /swordfish/lock/{name} HTTP/1.1\nHost: x", body)
        assert answer == head("200 OK", "", 0) + b"\r\n"
        text = (files_pair.folder / "data" / "main" / SERIAL / "parameters.json").read_text()
        assert "lobby" in text
        everything = [path for path in files_pair.folder.rglob("*") if path.is_file()]
        assert not [path for path in everything if b"hunter2" in path.read_bytes()]

    def test_database(self, files_pair: RunningPair) -> None:
        body = _compact(DATABASE)
        answer = ask(files_pair, f"GET /swordfish/lock/db/0{QUERY} HTTP/1.1\nHost: x")
        assert answer == head("200 OK", JSON_TYPE, len(body)) + b"\r\n" + body

    def test_database_without_what_the_device_has(self, files_pair: RunningPair) -> None:
        records = {"deleteAll": 0, "delete": [], "update": [], "add": []}
        body = _compact({**DATABASE, "db": {**DATABASE["db"], "usrRcrd": records}})
        answer = ask(files_pair, f"GET /swordfish/lock/db/0x10{QUERY} HTTP/1.1\nHost: x")
        assert answer == head("200 OK", JSON_TYPE, len(body)) + b"\r\n" + body

    @pytest.mark.parametrize("call", ["audit", "alert"])
    def test_201_the_first_time_and_202_later(self, files_pair: RunningPair, call: str) -> None:
        serial = serial_of(2)
        for status in ("201 Created", "202 Accepted", "202 Accepted"):
            body = _compact({**AUDITS, "serialNumber": serial})
            answer = ask(files_pair, f"POST /swordfish/lock/{call} HTTP/1.1\nHost: x", body)
            assert answer == head(status, "", 0) + b"\r\n"

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/credentials/scan", "200 OK"),
            ("/api/credentials", "201 Created"),
            ("/api/credentials/status", "200 OK"),
        ],
    )
    def test_credentials(self, files_pair: RunningPair, path: str, status: str) -> None:
        answer = ask(files_pair, f"POST {path} HTTP/1.1\nHost: x", _compact({"serialNumber": SERIAL, "card": "1"}))
        assert answer == head(status, "", 0) + b"\r\n"

    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("PUT /swordfish/lock/Config", _compact({"serialNumber": STRANGER})),
            (f"GET /swordfish/lock/db/0?serialNumber={STRANGER}", b""),
            ("GET /swordfish/lock/db/0", b""),
            ("POST /swordfish/lock/audit", _compact({**AUDITS, "serialNumber": STRANGER})),
            ("POST /swordfish/lock/alert", _compact({"event": "0F01"})),
            ("POST /api/credentials/scan", _compact({"serialNumber": STRANGER})),
        ],
    )
    def test_404_for_who_is_not_known(self, files_pair: RunningPair, line: str, body: bytes) -> None:
        content = b'{"error":"not found"}'
        answer = ask(files_pair, f"{line} HTTP/1.1\nHost: x", body)
        assert answer == head("404 Not Found", JSON_TYPE, len(content)) + b"\r\n" + content
        assert not (files_pair.folder / "data" / "main" / STRANGER).exists()

    @pytest.mark.parametrize("body", [b"{", b"", b"\xff", b'"text"', b"7", b"[" * 50_000])
    def test_400_for_what_is_not_json_of_audits(self, files_pair: RunningPair, body: bytes) -> None:
        content = b'{"error":"not the JSON that this call takes"}'
        answer = ask(files_pair, f"POST /swordfish/lock/audit{QUERY} HTTP/1.1\nHost: x", body)
        assert answer == head("400 Bad Request", JSON_TYPE, len(content)) + b"\r\n" + content

    def test_413_without_reading_on(self, files_pair: RunningPair) -> None:
        """The answer is there before the body is."""
        with closing(socket.create_connection(("127.0.0.1", files_pair.http_port), timeout=10)) as connection:
            request = "POST /swordfish/lock/audit HTTP/1.1\r\nHost: open.example.org\r\nContent-Length: 9999999\r\n\r\n"
            connection.sendall(request.encode() + b"[")
            assert connection.recv(100).startswith(b"HTTP/1.1 413 ")

    def test_413_of_chunks_that_never_end(self, files_pair: RunningPair) -> None:
        with closing(socket.create_connection(("127.0.0.1", files_pair.http_port), timeout=10)) as connection:
            request = (
                "POST /swordfish/lock/audit HTTP/1.1\r\nHost: open.example.org\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            connection.sendall(request.encode())
            for _ in range(17):
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 413 ")

    def test_503_with_a_retry_where_somebody_has_spoiled_the_file(self, files_pair: RunningPair) -> None:
        serial = serial_of(3)
        file = files_pair.folder / "data" / "main" / serial / "database.json"
        file.write_text('{"db": {"schedules": []}, "nxtDbVerTS": "0x1"}')
        content = b'{"error":"not now"}'
        answer = ask(files_pair, f"GET /swordfish/lock/db/0?serialNumber={serial} HTTP/1.1\nHost: x")
        parts = "Content-Type: application/json\r\nContent-Length: 19\r\nRetry-After: 60\r\n\r\n"
        assert (
            answer == head("503 Service Unavailable", "", 0).replace(b"Content-Length: 0\r\n", parts.encode()) + content
        )
        eventually(lambda: f"{serial} (main) has to call again" in files_pair.log, "the log says why")

    @pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD"])
    def test_other_methods_are_not_there(self, files_pair: RunningPair, method: str) -> None:
        assert ask(files_pair, f"{method} /swordfish/lock/audit{QUERY} HTTP/1.1\nHost: x").startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/swordfish/lock/Config", "200"),
        ("GET", f"/swordfish/lock/db/0?serialNumber={serial_of(7)}", "200"),
        ("POST", "/swordfish/lock/audit", "201"),
        ("POST", "/swordfish/lock/alert", "201"),
        ("POST", "/api/credentials/scan", "200"),
        ("POST", "/api/credentials", "201"),
        ("POST", "/api/credentials/status", "200"),
    ],
)
@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_a_client_of_others_reads_each_answer(
    files_pair: RunningPair, method: str, path: str, status: str, version: str
) -> None:
    """curl, which looks at each certificate and header field itself; a second time by HTTP/1.0."""
    root = files_pair.folder / "certs" / "main" / "partner_CA.pem"
    body = [] if method == "GET" else ["-d", json.dumps({"serialNumber": serial_of(7), "v": version, "path": path})]
    command = ["curl", "-sS", version, "--cacert", str(root), "-X", method, *body, "-D-"]
    done = subprocess.run([*command, files_pair.https + path], capture_output=True, text=True, check=True, timeout=20)
    later = {"201": ("201", "202")}.get(status, (status,)) if "credentials" not in path else (status,)
    assert done.stdout.splitlines()[0].split()[:2][0] == "HTTP/1.1", "devices look for it"
    assert done.stdout.split()[1] in later
    assert "Content-Length: " in done.stdout
    assert "chunked" not in done.stdout.lower()


class TestWhoIsAnsweredWhere:
    def test_the_plain_instance_answers_only_where_the_site_says_so(self, files_pair: RunningPair) -> None:
        body = _compact(AUDITS)
        closed = ask(files_pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: x", body, plain=True)
        assert closed.startswith(b"HTTP/1.1 404 ")
        opened = ask(files_pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: open.example.org", body, plain=True)
        assert opened.startswith(b"HTTP/1.1 201 ")

    def test_an_unknown_device_is_put_on_the_list_where_the_site_says_so(self, files_pair: RunningPair) -> None:
        serial = serial_of(77)
        body = _compact({**AUDITS, "serialNumber": serial})
        answer = ask(files_pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: open.example.org", body, plain=True)
        assert answer.startswith(b"HTTP/1.1 201 ")

        def is_listed() -> bool:
            log = json.loads(ok(engage(files_pair.folder, "audit", "show", "--json")))
            return bool([each for each in log if each["action"] == "device:added" and each["site"] == "open"])

        eventually(is_listed, "the audit log tells of it")
        told = json.loads(ok(engage(files_pair.folder, "site", "call-in", "open", "--json")))
        assert told["insecure_call_in"]

    def test_one_connection_is_one_device(self, files_pair: RunningPair) -> None:
        """GET db has no body: whose it is, the call before it said."""
        root = files_pair.folder / "certs" / "main" / "partner_CA.pem"
        config = _compact({"serialNumber": serial_of(4)})
        requests = (
            f"PUT /swordfish/lock/Config HTTP/1.1\r\nHost: x\r\nContent-Length: {len(config)}\r\n\r\n".encode()
            + config
            + b"GET /swordfish/lock/db/0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer, _ = files_pair.raw_https(requests, root)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert _compact(DATABASE) in answer

    def test_the_token_names_a_known_device(self, files_pair: RunningPair) -> None:
        known = f"Authorization: Device {encode_serial(SERIAL)}"
        assert ask(files_pair, f"GET /swordfish/lock/db/0 HTTP/1.1\nHost: x\n{known}").startswith(b"HTTP/1.1 200 ")
        other = f"Authorization: Device {encode_serial(STRANGER)}"
        assert ask(files_pair, f"GET /swordfish/lock/db/0 HTTP/1.1\nHost: x\n{other}").startswith(b"HTTP/1.1 404 ")
        time.sleep(0.5)
        assert encode_serial(SERIAL) not in files_pair.log

    def test_a_call_by_tls_says_whose_handshake_it_was(self, files_pair: RunningPair) -> None:
        serial = serial_of(5)
        ask(files_pair, "PUT /swordfish/lock/Config HTTP/1.1\nHost: x", _compact({"serialNumber": serial}))

        def has_finished() -> bool:
            shown = json.loads(ok(engage(files_pair.folder, "device", "show", serial, "--json")))
            return bool(shown and shown[0].get("finished_release") == 1)

        eventually(has_finished, "the handshake is the device's")

    def test_what_audits_tell_is_shown(self, files_pair: RunningPair) -> None:
        serial = serial_of(6)
        body = _compact({"serialNumber": serial, "audits": [{"event": "1101"}, {"event": "0F01"}]})
        ask(files_pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: x", body)
        eventually(
            lambda: "[anchor_refused]" in ok(engage(files_pair.folder, "device", "show", serial)), "the evidence"
        )
        shown = ok(engage(files_pair.folder, "device", "show", serial))
        assert "did not match its site key" in shown
        assert "event 0F01 (its meaning is not published)" in shown


class TestCommands:
    def test_files_go_out_and_in_again(self, files_pair: RunningPair, tmp_path: Path) -> None:
        folder, serial = files_pair.folder, serial_of(8)
        ask(files_pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: x", _compact({**AUDITS, "serialNumber": serial}))
        told = ok(engage(folder, "device", "export", "--site", "main", "--to", tmp_path / "out", "--device", serial))
        assert "wrote the files of 1 device" in told
        assert sorted(path.name for path in (tmp_path / "out" / serial).iterdir()) == ["audits.json", "database.json"]
        taken = json.loads(ok(engage(folder, "device", "import", tmp_path / "out", "--site", "main", "--json")))
        assert taken == {"site": "main", "added": 0, "named": 0, "devices": 1, "files": 2}
        other = engage(folder, "device", "import", tmp_path / "out", "--site", "open")
        assert other.returncode == 2
        assert "belongs to site 'main'" in other.stderr
        missing = engage(folder, "device", "export", "--to", tmp_path / "no", "--device", STRANGER)
        assert missing.returncode == 2
        assert "there are no files" in missing.stderr

    def test_the_example_of_the_page_reaches_its_device(self, files_pair: RunningPair) -> None:
        (example,) = (checkout.ROOT / "docs" / "examples").glob("*/database.json")
        serial = example.parent.name
        told = ok(engage(files_pair.folder, "device", "import", example.parent, "--site", "main"))
        assert "imported 1 file of 1 device" in told
        answer = ask(files_pair, f"GET /swordfish/lock/db/0?serialNumber={serial} HTTP/1.1\nHost: x")
        body = _compact(json.loads(example.read_text()))
        assert answer == head("200 OK", JSON_TYPE, len(body)) + b"\r\n" + body
        page = (checkout.ROOT / "docs" / "call-in.md").read_text()
        assert f"```json\n{example.read_text()}```" in page

    def test_one_wrong_file_stops_all_of_them(self, files_pair: RunningPair, tmp_path: Path) -> None:
        write_devices(tmp_path / "in", [serial_of(200), serial_of(201)])
        (tmp_path / "in" / serial_of(201) / "database.json").write_text(
            '{"db": {"schedules": []}, "nxtDbVerTS": "0x1"}'
        )
        done = engage(files_pair.folder, "device", "import", tmp_path / "in", "--site", "main")
        assert done.returncode == 2
        assert f"[device_files.not_usable]: not all can be imported:\n  {tmp_path}" in done.stderr
        assert "db.schedules" in done.stderr
        assert serial_of(201) in done.stderr
        as_json = engage(files_pair.folder, "device", "import", tmp_path / "in", "--site", "main", "--json")
        error = json.loads(as_json.stdout)["error"]
        assert (error["code"], error["exit_status"]) == ("device_files.not_usable", 2)
        assert [line[:2] for line in error["sentence"].split("\n")] == ["no", "  "]
        assert not (files_pair.folder / "data" / "main" / serial_of(200)).exists()

    def test_a_database_that_devices_would_never_get(self, files_pair: RunningPair, tmp_path: Path) -> None:
        write_devices(tmp_path / "in", [serial_of(9)])
        changed = {**DATABASE, "config": {"relock": 99}}
        (tmp_path / "in" / serial_of(9) / "database.json").write_text(json.dumps(changed))
        done = engage(files_pair.folder, "device", "import", tmp_path / "in", "--site", "main")
        assert done.returncode == 1
        assert "is not newer than 0x10" in done.stderr


def lock_of(pair: RunningPair, device: int, memory: Any = None) -> VirtualLock:
    target = Target("127.0.0.1", pair.http_port, pair.https_port)
    return VirtualLock(target, SITE_KEY, DeviceLimits(), Firmware(), serial_of(device), memory)


def night(locks: list[VirtualLock], trigger: Trigger = Trigger.NIGHT) -> dict[int, dict[str, Step]]:
    """Every lock calls once; its steps by name."""
    now = datetime.now(UTC)
    return {
        number: {step.name: step for step in lock.run(trigger, now, call_in=True)} for number, lock in enumerate(locks)
    }


def test_a_whole_night_against_files(files_pair: RunningPair) -> None:
    locks = [lock_of(files_pair, 10 + n) for n in range(20)]
    first = night(locks, Trigger.COMMISSIONING)
    assert [name for steps in first.values() for name, step in steps.items() if not step.ok] == []
    second = night(locks)
    assert all(step.ok for steps in second.values() for step in steps.values())
    assert "201" in first[0]["audit"].sentence
    assert "202" in second[0]["audit"].sentence
    assert {lock.memory.database_version for lock in locks} == {"0x10"}


@contextmanager
def running_partner(folder: Path) -> Iterator[Partner]:
    """A partner's system by TLS, under a root of its own."""
    ok(engage(folder, "chain", "build", "partner-chain", "--host", "127.0.0.1"))
    system = Partner(tls_from=folder / "partner-chain").start()
    yield system
    system.stop()


def pass_on(installation: Path, partner: Partner) -> None:
    """Let the site's calls go to this partner."""
    trust = installation / "partner-chain" / "partner_CA.pem"
    ok(
        engage(
            installation,
            *("site", "call-in", "main", "--upstream", partner.url, "--upstream-ca", trust),
            *("--upstream-timeout", "1", "--unknown-devices", "enroll"),
        )
    )


@contextmanager
def passing_on(installation: Path, partner: Partner) -> Iterator[RunningPair]:
    """A pair that passes calls on."""
    pass_on(installation, partner)
    with running_pair(installation, "--workers", "2") as pair:
        yield pair


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with running_partner(tmp_path) as system:
        yield system


@pytest.fixture
def upstream_pair(installation: Path, partner: Partner) -> Iterator[RunningPair]:
    """A pair that a test may change."""
    with passing_on(installation, partner) as pair:
        yield pair


@pytest.fixture(scope="module")
def shared_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningPair, Partner]]:
    """One that no test may change, and its partner, who may answer in other ways."""
    folder = make_installation(tmp_path_factory.mktemp("upstream"))
    with running_partner(folder) as system, passing_on(folder, system) as pair:
        yield pair, system


@pytest.fixture
def upstream(shared_upstream: tuple[RunningPair, Partner]) -> tuple[RunningPair, Partner]:
    """The same, with a partner who is well and remembers nothing."""
    pair, partner = shared_upstream
    partner.mode = "well"
    partner.got.clear()
    partner.taken.clear()
    return pair, partner


@pytest.fixture
def changing_upstream(upstream: tuple[RunningPair, Partner]) -> Iterator[tuple[RunningPair, Partner]]:
    """The same, for a test that changes the site's settings: they are put back, and it ends when they are heeded."""
    yield upstream
    pair, partner = upstream
    pass_on(pair.folder, partner)
    eventually(lambda: ask(pair, ASK_DATABASE).startswith(b"HTTP/1.1 200 "), "the partner answers again")


@pytest.mark.campaign("tests/property/test_no_audit_lost.py, and each mood alone above")
def test_nights_against_an_upstream_that_is_slow_wrong_and_absent_by_turns(
    upstream_pair: RunningPair, partner: Partner
) -> None:
    """The device takes nothing that would hurt it, and no audit is lost: each is taken once, in its order."""
    locks = [lock_of(upstream_pair, n) for n in range(2)]
    well = night(locks, Trigger.COMMISSIONING)
    assert [step for steps in well.values() for step in steps.values() if not step.ok] == []
    assert {lock.memory.database_version for lock in locks} == {"0x00000000000000AB"}
    partner.pause = 3
    sent = 1
    for mode in ("slow", "error", "html", "empty", "redirect", "absent", "chunked"):
        if mode == "absent":
            partner.stop()
        elif partner.mode == "absent":
            partner.start()
        partner.mode = mode
        time.sleep(1.1)  # the audits of two nights are not of one second
        found = night(locks)
        sent += 1
        for steps in found.values():
            assert steps["database"].ok == (mode == "chunked"), mode
            assert ("503" in steps["database"].sentence) == (mode != "chunked"), "it is told to come again"
            assert steps["audit"].ok, mode
            assert steps["alert"].ok, mode
            if mode in ("slow", "error", "absent", "redirect"):
                assert "503" in steps["config"].sentence
        assert {lock.memory.database_version for lock in locks} == {"0x00000000000000AB"}
        if mode == "absent":
            status = engage(upstream_pair.folder, "status", "--json").stdout
            assert json.loads(status)["sites"][0]["uploads_waiting"] >= 4
    partner.mode = "well"
    eventually(
        lambda: all(len(partner.taken[serial_of(n)]) >= 2 * sent for n in range(2)), "all uploads are taken", seconds=60
    )
    for n in range(2):
        times = [each["audits"][0]["timestamp"] for each in partner.taken[serial_of(n)] if "audits" in each]
        assert times == sorted(set(times)), "each once, in its order"
        assert len(times) == sent
    eventually(
        lambda: (
            upstream_pair.metrics()['engage_uploads_waiting{site="main"}'] == 0
            and upstream_pair.metrics()['engage_uploads_taken_total{site="main"}'] >= 4 * sent
        ),
        "the figures",
    )
    assert "wait for its upstream system" in upstream_pair.log


def test_the_token_is_handed_on_and_never_told(upstream: tuple[RunningPair, Partner]) -> None:
    upstream_pair, partner = upstream
    token = "Authorization: Device c2VjcmV0LXRva2Vu"
    answer = ask(upstream_pair, f"GET /swordfish/lock/db/0x7?a=b HTTP/1.1\nHost: x\n{token}")
    assert answer.endswith(b"\r\n\r\n" + json.dumps(PARTNERS_DATABASE).encode())
    assert b"Content-Length: " in answer
    assert partner.got[-1].path == "/swordfish/lock/db/0x7?a=b"
    assert partner.got[-1].headers["Authorization"] == "Device c2VjcmV0LXRva2Vu"
    body = _compact({"serialNumber": SERIAL, "audits": [{"event": "0B07"}]})
    ask(upstream_pair, f"POST /swordfish/lock/audit HTTP/1.1\nHost: x\n{token}", body)
    eventually(lambda: partner.taken[SERIAL], "the audit is taken")
    got = next(each for each in partner.got if each.method == "POST")
    assert got.headers["Authorization"] == "Device c2VjcmV0LXRva2Vu"
    assert got.headers["Engage-Repeated"] == "?0"
    ask(upstream_pair, f"POST /swordfish/lock/audit HTTP/1.1\nHost: x\n{token}", body)
    eventually(lambda: len(partner.taken[SERIAL]) == 2, "the second one, too")
    again = [each for each in partner.got if each.method == "POST"][-1]
    assert again.headers["Engage-Repeated"] == "?1"
    assert again.headers["Idempotency-Key"] == got.headers["Idempotency-Key"]
    assert again.headers["Content-Digest"] == got.headers["Content-Digest"]
    assert "c2VjcmV0" not in upstream_pair.log
    assert "c2VjcmV0" not in ok(engage(upstream_pair.folder, "device", "show", SERIAL))


def test_refusals_of_the_partner_are_passed_on(upstream: tuple[RunningPair, Partner]) -> None:
    """But no 403: some gateways never call again after it."""
    upstream_pair, partner = upstream
    for mode, status in (("401", 401), ("403", 401), ("404", 404), ("412", 412), ("409", 409)):
        partner.mode = mode
        answer = ask(upstream_pair, "POST /api/credentials/scan HTTP/1.1\nHost: x", _compact({"serialNumber": SERIAL}))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), mode


def test_an_upstream_that_is_this_host_itself_is_no_circle(changing_upstream: tuple[RunningPair, Partner]) -> None:
    """As where the name of the partner's old host leads here now."""
    upstream_pair, _ = changing_upstream
    folder = upstream_pair.folder
    root = folder / "certs" / "main" / "partner_CA.pem"
    ok(engage(folder, "site", "call-in", "main", "--upstream", upstream_pair.https, "--upstream-ca", root))
    eventually(lambda: ask(upstream_pair, ASK_DATABASE).startswith(b"HTTP/1.1 503 "), "no answer")
    eventually(lambda: "is this host itself" in upstream_pair.log, "the log says why")
    time.sleep(1)
    before = upstream_pair.log.count('"path":"/swordfish/lock/db/0"')
    ask(upstream_pair, ASK_DATABASE)
    time.sleep(1)
    assert upstream_pair.log.count('"path":"/swordfish/lock/db/0"') == before + 2, (
        "the call, and once through ourselves"
    )


def test_another_root_is_not_trusted(changing_upstream: tuple[RunningPair, Partner]) -> None:
    """The negative control of the upstream's own trust."""
    upstream_pair, _ = changing_upstream
    folder = upstream_pair.folder
    assert ask(upstream_pair, ASK_DATABASE).startswith(b"HTTP/1.1 200 ")
    ok(engage(folder, "site", "call-in", "main", "--upstream-ca", folder / "certs" / "main" / "partner_CA.pem"))
    eventually(lambda: ask(upstream_pair, ASK_DATABASE).startswith(b"HTTP/1.1 503 "), "nobody else is believed")
    eventually(lambda: "TLS failed" in upstream_pair.log, "the log says why")


@pytest.mark.long("tests/unit/serving/worker/answers/test_call_in_lanes.py, and each mood alone above")
def test_a_slow_partner_holds_up_no_notice(upstream_pair: RunningPair, partner: Partner) -> None:
    """Each waiting call-in has a thread of its own; the app's others answer what is not quick."""
    partner.mode, partner.pause = "slow", 4
    ok(engage(upstream_pair.folder, "site", "call-in", "main", "--upstream-timeout", "10"))
    root = upstream_pair.folder / "certs" / "main" / "partner_CA.pem"
    time.sleep(1)
    waiting = [socket.create_connection(("127.0.0.1", upstream_pair.https_port)) for _ in range(24)]
    context = ssl.create_default_context(cafile=str(root))
    secured = [context.wrap_socket(each, server_hostname="127.0.0.1") for each in waiting]
    for number, each in enumerate(secured):
        target = f"/swordfish/lock/db/0?serialNumber={serial_of(number)}"
        each.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    begun = time.monotonic()
    notice = "GET /swordfish/lock/certificates/current HTTP/1.1\nHost: x\nX-Unusual: 1"
    assert ask(upstream_pair, notice).startswith(b"HTTP/1.1 200 ")
    took = time.monotonic() - begun
    still = [each for each in secured if not _has_answer(each)]
    for each in secured:
        each.close()
    assert len(still) == len(secured), f"call-ins were answered before the notice was ({took:.1f} s)"


# whatever clients and servers may take for a way to another level of a path, spelled in whatever way
OTHER_LEVELS = [
    *("..", ".", "...", "%2e%2e", "%2E%2e", "%252e%252e", ".%2e", "..%2f..", "..%5c..", "..\\..", "\\..\\.."),
    *("..;x", ";..", "0;/../..", "%3b..", "0%23x", "0%3fx", "%00", "0%0d%0aX:y", "%2f..", "0%2f..%2f..", "//"),
    *("0/..", "./0", "/..", "%e2%80%a5", "%c0%ae%c0%ae", "x" * 65),
]


def test_the_path_that_reaches_the_partner_is_one_of_ours(upstream: tuple[RunningPair, Partner]) -> None:
    upstream_pair, partner = upstream
    for since in OTHER_LEVELS:
        answer = ask(upstream_pair, f"GET /swordfish/lock/db/{since}{QUERY} HTTP/1.1\nHost: x")
        assert answer.split()[1] in (b"400", b"404"), (since, answer)
        assert partner.paths() == [], since
    # the positive control; and a query is only a query
    for since in ("0", "0x0000000000000010", "20261121000102", "2026-11-21T00:01:02+01:00", "%30", "0.5"):
        answer = ask(upstream_pair, f"GET /swordfish/lock/db/{since}{QUERY} HTTP/1.1\nHost: x")
        assert answer.split()[1] == b"200", (since, answer)
    ask(upstream_pair, f"GET http://other/swordfish/lock/%64b/0{QUERY}&a=/../.. HTTP/1.1\nHost: x")
    ask(upstream_pair, f"PUT /swordfish/lock/%43ONFIG{QUERY} HTTP/1.1\nHost: x", b"{}")
    paths = [path.partition("?")[0] for path in partner.paths()]
    assert [path.count("/") for path in paths] == [4] * 7 + [3]
    assert paths[-1] == "/swordfish/lock/CONFIG"
    assert not [path for path in paths if ".." in path or not path.startswith("/swordfish/lock/")]


@pytest.mark.campaign(
    "test_a_slow_partner_holds_up_no_notice, and tests/unit/serving/worker/answers/test_call_in_lanes.py"
)
def test_a_slow_partner_of_one_site_holds_up_nobody_else(installation: Path) -> None:
    """Neither another site's files, nor its own readers at a door, nor its own audits."""
    partner = Partner(slow_path="/swordfish/lock/db/", pause=4).start()
    call_in = ("--upstream", partner.url, "--upstream-timeout", "9", "--unknown-devices", "enroll")
    ok(engage(installation, "site", "call-in", "main", *call_in))
    ok(engage(installation, "site", "add", "north", "--host", "north.example.org", "--site-key-file", "site.key"))
    ok(engage(installation, "site", "call-in", "north", "--unknown-devices", "enroll"))
    root = installation / "certs" / "main" / "partner_CA.pem"
    context = ssl.create_default_context(cafile=str(root))
    body = _compact({**AUDITS, "serialNumber": serial_of(70)})
    try:
        with running_pair(installation, "--workers", "1") as pair:
            partner.mode = "slow"
            slow = []
            for number in range(40):
                plain = socket.create_connection(("127.0.0.1", pair.https_port))
                slow.append(context.wrap_socket(plain, server_hostname="127.0.0.1"))
                target = f"/swordfish/lock/db/0?serialNumber={serial_of(number)}"
                slow[-1].sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            eventually(lambda: len(partner.paths()) >= 12, "they wait")
            asked = [
                ("POST /swordfish/lock/audit HTTP/1.1\nHost: north.example.org", b"201"),
                ("POST /swordfish/lock/audit HTTP/1.1\nHost: x", b"201"),
                ("POST /api/credentials/scan HTTP/1.1\nHost: x", b"200"),
            ]
            for request, status in asked:
                assert ask(pair, request, body).split()[1] == status
            waiting = sum(not _has_answer(each) for each in slow)
            assert waiting >= 40 - 12, "at most one round of the slow ones was answered meanwhile"
            for each in slow:
                each.close()
    finally:
        partner.stop()


def _has_answer(connection: Any) -> bool:
    connection.settimeout(0.01)
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return False
