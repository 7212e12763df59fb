"""KPN's calls and devices' reports on the wire, by curl and sha256sum, against the running ingress."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.operator_side import OperatorSide, open_operator_side
from engage_server.links.journal.copied_tables import _LOOK_SECONDS
from engage_server.records import PathEvent
from engage_server.settings import load_settings
from tests.support.commands import engage
from tests.support.ingress import RunningIngress, host_files, read_answer, running_ingress
from tests.support.installation import make_installation
from tests.support.kpn import DESTINATION_SECRET, DEVICE_SECRET, IMEI, OTHER_IMEI, bn, pack
from tests.support.ports import free_port
from tests.support.running import PATIENCE, ok

HOST = "links.example.org"
ELSEWHERE = "860000000000004"  # a device without a secret, whose network is not this machine's
LINKS = """
[hosts."links.example.org"]
serves = ["kpn"]
FILES
[plain.apn]
bind = "127.0.0.1"
port = PLAIN
serves = ["kpn-ingestion"]
networks = ["127.0.0.0/8"]

[links.depot]
site = "main"
partner = "kpn"
destination = "doors"
secret_file = "destination.secret"
success_status = 202
private_network = "127.0.0.0/8"
imei = "490154203237518"
device_secret_file = "device.secret"
m2m_address = "127.0.0.1:PLAIN"

[links.elsewhere]
site = "main"
partner = "kpn"
private_network = "10.151.0.0/16"
"""


@dataclass
class KpnIngress:
    """The running ingress, with curl in front of it."""

    folder: Path
    ingress: RunningIngress
    plain_port: int

    def curl(self, url: str, body: bytes, *options: str) -> tuple[int, str, bytes]:
        """POST a body; status, content type and body of the answer."""
        (self.folder / "body").write_bytes(body)
        place = ["--resolve", f"{HOST}:{self.ingress.port}:127.0.0.1", "--insecure", "--silent", "--show-error"]
        shown = ["--write-out", "\n%{http_code} %{content_type}", "--max-time", str(PATIENCE)]
        command = ["curl", *place, *shown, "--data-binary", "@body", *options, url]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=True)
        content, _, told = done.stdout.rpartition(b"\n")
        status, _, content_type = told.decode().partition(" ")
        return int(status), content_type, content

    def destination(self, body: bytes, *options: str, name: str = "doors") -> int:
        """Call a destination; the status."""
        return self.curl(f"https://{HOST}:{self.ingress.port}/kpn/{name}", body, *options)[0]

    def report(self, body: bytes, *options: str) -> tuple[int, str, bytes]:
        """Report as a device: status, content type and body."""
        url = f"http://127.0.0.1:{self.plain_port}/ingestion/m2m/senml/v1"
        return self.curl(url, body, "-H", "Host: m.m", "-H", "Content-Type: application/json", *options)

    def token(self, body: bytes, secret: str) -> list[str]:
        """The option with the token of a body, by sha256sum."""
        (self.folder / "hashed").write_bytes(body)
        script = f"{{ cat hashed; tr -d '\\n' < {secret}.secret; }} | sha256sum"
        done = subprocess.run(["sh", "-c", script], cwd=self.folder, capture_output=True, check=True)
        return ["-H", f"Things-Message-Token: {done.stdout.decode()[:64]}"]

    @contextmanager
    def operators(self) -> Iterator[OperatorSide]:
        """The services of the operators' instance."""
        side = open_operator_side(load_settings(None, {}, {}, self.folder), {})
        try:
            yield side
        finally:
            side.close()

    def execute(self, *readings: str) -> None:
        """Queue a message to the device, and let the ingress know."""
        ok(engage(self.folder, "kpn", "downlink", "send", IMEI, *readings))
        self.follow()

    def follow(self) -> None:
        """Let the ingress see what changed."""
        with self.operators() as side:
            side.ingress_copy.renew()
        time.sleep(2 * _LOOK_SECONDS)

    def stored(self) -> list[PathEvent]:
        """All events, taken from the ingress into the store."""
        with self.operators() as side:
            side.path_event_transfer.run(datetime.now(UTC))
            return [each.event for each in side._store.path_events(None, None, None, 1000)]


@pytest.fixture(scope="module")
def kpn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KpnIngress]:
    """The ingress with two workers, a device with a secret, and two without one."""
    folder = make_installation(tmp_path_factory.mktemp("kpn"))
    for name, secret in (("device", DEVICE_SECRET), ("destination", DESTINATION_SECRET)):
        (folder / f"{name}.secret").touch(mode=0o600)
        (folder / f"{name}.secret").write_bytes(secret.reveal() + b"\n")
    plain_port = free_port()
    links = LINKS.replace("FILES", host_files(folder, HOST)).replace("PLAIN", str(plain_port))
    (folder / "links.toml").write_text(links)
    add = ("kpn", "device", "add")
    ok(engage(folder, *add, IMEI, "--link", "depot", "--secret-file", "device.secret"))
    ok(engage(folder, *add, OTHER_IMEI, "--link", "depot", "--no-secret"))
    ok(engage(folder, *add, ELSEWHERE, "--link", "elsewhere", "--no-secret"))
    with running_ingress(folder, links, ENGAGE_WORKERS="2") as ingress:
        running = KpnIngress(folder, ingress, plain_port)
        running.follow()
        yield running


def test_curl_with_the_token_of_sha256sum_is_a_genuine_call(kpn: KpnIngress) -> None:
    body = pack({"n": "door", "v": 1.50}, bt=1_700_000_100)
    assert kpn.destination(body, *kpn.token(body, "destination"), "-H", "Things-Plug-UUID: plug-1") == 202
    (event,) = [each for each in kpn.stored() if each.detail.get("measured_at") == "2023-11-14T22:15:00+00:00"]
    assert (event.link, event.detail["plug_uuid"], event.detail["measurements"]) == ("depot", "plug-1", "door=1.5")


def test_any_other_call_is_refused(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_000_200)
    right, of_device = kpn.token(body, "destination"), kpn.token(body, "device")
    before = len(kpn.stored())
    assert kpn.destination(body) == 401
    assert kpn.destination(body, *of_device) == 401
    assert kpn.destination(body, *right, *right) == 401
    assert kpn.destination(body + b" ", *right) == 401
    assert kpn.destination(body, *right, name="gates") == 404
    assert kpn.destination(b"[]", *kpn.token(b"[]", "destination")) == 400
    assert kpn.destination(body, *right, "--request", "PUT") == 405
    large = b" " * (64 * 1024 + 1)
    assert kpn.destination(large, *kpn.token(large, "destination"), "-H", "Expect:") == 413
    assert len(kpn.stored()) == before
    assert kpn.destination(body, *right) == 202
    assert len(kpn.stored()) == before + 1


def test_a_replay_is_one_event(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_000_300)
    before = len(kpn.stored())
    for _ in range(5):
        assert kpn.destination(body, *kpn.token(body, "destination")) == 202
    assert len(kpn.stored()) == before + 1


def test_each_address_exists_on_its_own_listener_alone(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_000_400)
    plain, secure = f"http://127.0.0.1:{kpn.plain_port}", f"https://{HOST}:{kpn.ingress.port}"
    assert kpn.curl(f"{plain}/kpn/doors", body, *kpn.token(body, "destination"))[0] == 404
    assert kpn.curl(f"{secure}/ingestion/m2m/senml/v1", body, *kpn.token(body, "device"))[0] == 404


def test_the_document_s_request_is_a_report(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_000_500)
    before = len(kpn.stored())
    assert kpn.report(body)[0] == 401
    assert kpn.report(body, *kpn.token(body, "destination"))[0] == 401
    assert kpn.report(pack(imei="1" * 15), *kpn.token(body, "device"))[0] == 401
    assert len(kpn.stored()) == before
    assert kpn.report(body, *kpn.token(body, "device")) == (200, "", b"")
    assert len(kpn.stored()) == before + 1


def test_without_a_secret_the_private_network_decides(kpn: KpnIngress) -> None:
    assert kpn.report(pack(imei=OTHER_IMEI, bt=1_700_000_600))[0] == 200
    assert kpn.report(pack(imei=ELSEWHERE, bt=1_700_000_600))[0] == 401
    (event,) = [each for each in kpn.stored() if each.detail.get("measured_at") == "2023-11-14T22:23:20+00:00"]
    assert event.detail["proof"] == "none: private network alone"


def test_an_answer_carries_the_one_message_that_is_executing(kpn: KpnIngress) -> None:
    kpn.execute("report=now")
    kpn.execute("report=later")
    first, second = (pack(bt=1_700_000_700 + number) for number in range(2))
    status, content_type, content = kpn.report(first, *kpn.token(first, "device"))
    assert (status, content_type) == (200, "application/senml+json")
    assert json.loads(content) == [{"bn": bn()}, {"n": "report", "vs": "now"}]
    assert kpn.report(second, *kpn.token(second, "device"))[2] == b"", "the second one waits for the copy"
    kpn.follow()
    with kpn.operators() as side:
        assert [each.status.value for each in side.kpn_devices.downlinks(IMEI)][-2:] == ["delivered", "executing"]
    told = ok(engage(kpn.folder, "kpn", "send", "--link", "depot", "door=open"))
    assert "later" in told, "our own client shows it"


def test_a_replay_gets_no_message(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_000_800)
    token = kpn.token(body, "device")
    assert kpn.report(body, *token)[0] == 200
    kpn.execute("secret=plan")
    with kpn.operators() as side:
        number = side.kpn_devices.downlinks(IMEI)[-1].number
    assert {kpn.report(body, *token)[2] for _ in range(20)} == {b""}
    fresh = pack(bt=1_700_000_801)
    assert b"plan" in kpn.report(fresh, *kpn.token(fresh, "device"))[2]
    with kpn.operators() as side:
        assert side.kpn_devices.downlinks(IMEI)[-1].number == number


@pytest.mark.parametrize(("ending", "status"), [("\r\n", 200), ("\n", 400)], ids=["CRLF", "bare LF"])
def test_header_lines_end_with_both_characters(kpn: KpnIngress, ending: str, status: int) -> None:
    """KPN's SDK for devices sends bare line feeds. Our worker refuses them, and so the ingress does."""
    body = pack(bt=1_700_000_900)
    lines = ["POST /ingestion/m2m/senml/v1 HTTP/1.1", "Host: m.m", f"Content-Length: {len(body)}"]
    lines += [kpn.token(body, "device")[1], "Content-Type: application/json", "", ""]
    with closing(socket.create_connection(("127.0.0.1", kpn.plain_port), timeout=PATIENCE)) as connection:
        connection.sendall(ending.join(lines).encode() + body)
        answer = read_answer(connection)
    assert int(answer.split(b" ", 2)[1]) == status


def test_no_secret_and_no_token_is_in_the_log_or_in_an_event(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_001_000)
    token = kpn.token(body, "destination")
    kpn.destination(body, *token)
    kpn.destination(body + b" ", *token)
    kept = kpn.ingress.log + "".join(map(repr, kpn.stored()))
    assert "the message token is wrong" in kept
    for secret in (DEVICE_SECRET.reveal().decode(), DESTINATION_SECRET.reveal().decode(), token[1].split()[1]):
        assert secret not in kept


def test_the_event_s_time_is_that_of_receipt(kpn: KpnIngress) -> None:
    body = pack(bt=1_700_001_100)
    kpn.destination(body, *kpn.token(body, "destination"))
    newest = kpn.stored()[0]
    assert datetime.now(UTC) - newest.at < timedelta(minutes=5)
