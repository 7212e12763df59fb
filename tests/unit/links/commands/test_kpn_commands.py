"""``engage kpn`` on an installation: devices, messages to them, secrets, tokens and reports to KPN."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.composition.links.key import LinkKey
from engage_server.composition.operator_side import open_operator_side
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.kpn.answering.ingestion import Ingestion
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.settings import load_settings
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.kpn import DESTINATION_SECRET, DEVICE_SECRET, IMEI, OTHER_IMEI, KeptEvents, bn, call, pack, token_of
from tests.support.partner import Partner
from tests.support.running import ok

LINKS = """
[links.depot]
site = "main"
partner = "kpn"
imei = "490154203237518"
device_uuid = "0F8FAD5B-d9cb-469f-a165-70867728950e"
device_secret_file = "device.secret"
m2m_address = "127.0.0.1:PORT"
private_network = "10.151.0.0/16"

[links.bare]
site = "main"
partner = "kpn"
"""


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    partner = Partner().start()
    yield partner
    partner.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, partner: Partner) -> Path:
    """An installation with two links of KPN."""
    folder = make_installation(tmp_path_factory.mktemp("kpn"))
    (folder / "links.toml").write_text(LINKS.replace("PORT", str(partner.port)))
    for name, secret in (("device.secret", DEVICE_SECRET), ("destination.secret", DESTINATION_SECRET)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(secret.reveal() + b"\n")
    return folder


@pytest.fixture
def device(folder: Path) -> Iterator[str]:
    """A registered device with a secret and an M2M+ SIM; removed again."""
    options = ("--secret-file", "device.secret", "--sim-type", "m2m+", "--iccid", "8931440400000000001")
    ok(engage(folder, "kpn", "device", "add", IMEI, "--link", "depot", *options))
    yield IMEI
    ok(engage(folder, "kpn", "device", "remove", IMEI, "--yes"))


def downlinks(folder: Path) -> list[dict[str, object]]:
    """All messages."""
    found: list[dict[str, object]] = json.loads(ok(engage(folder, "kpn", "downlink", "list", "--json")))
    return found


class TestSecrets:
    """``secret`` and ``token``."""

    def test_a_secret_is_printed_alone(self, folder: Path) -> None:
        assert re.fullmatch(r"[0-9a-zA-Z]{30,100}\n", ok(engage(folder, "kpn", "secret")))
        made = ok(engage(folder, "kpn", "secret", "--destination")).rstrip("\n")
        assert len(made) >= 32
        assert all(re.search(kind, made) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^0-9a-zA-Z]"))

    def test_a_file_with_a_secret_is_for_its_owner_alone_and_is_not_overwritten(self, folder: Path) -> None:
        ok(engage(folder, "kpn", "secret", "--output", "new.secret"))
        assert (folder / "new.secret").stat().st_mode & 0o777 == 0o600
        again = engage(folder, "kpn", "secret", "--output", "new.secret")
        assert again.returncode == 2
        assert "exists already" in again.stderr

    def test_a_token_is_what_sha256sum_says(self, folder: Path) -> None:
        (folder / "body.json").write_bytes(pack())
        script = "{ cat body.json; tr -d '\\n' < device.secret; } | sha256sum"
        by_coreutils = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, check=True)
        expected = by_coreutils.stdout.decode()[:64] + "\n"
        assert ok(engage(folder, "kpn", "token", "body.json", "--secret-file", "device.secret")) == expected
        assert ok(engage(folder, "kpn", "token", "-", "--secret-file", "device.secret", stdin=pack())) == expected
        by_input = engage(folder, "kpn", "token", "body.json", "--secret-file", "-", stdin=DEVICE_SECRET.reveal())
        assert ok(by_input) == expected

    def test_a_line_end_of_the_body_counts_and_is_told(self, folder: Path) -> None:
        done = engage(folder, "kpn", "token", "-", "--secret-file", "device.secret", stdin=pack() + b"\n")
        assert done.stdout == token_of(pack() + b"\n", DEVICE_SECRET) + "\n"
        assert "line end" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("-", "--secret-file", "-"), "both"),
            (("links.toml", "--secret-file", "destination.secret"), "no device secret"),
            (("links.toml", "--secret-file", "device.secret", "--destination"), "no destination secret"),
            (("links.toml", "--secret-file", "missing"), "missing"),
            (("links.toml", "--secret-file", "links.toml"), "other users"),
        ],
    )
    def test_a_wrong_secret_is_refused_and_not_shown(
        self, folder: Path, arguments: tuple[str, ...], words: str
    ) -> None:
        done = engage(folder, "kpn", "token", *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        for secret in (DEVICE_SECRET, DESTINATION_SECRET):
            assert secret.reveal().decode() not in done.stdout + done.stderr


class TestDevices:
    """``device add|list|remove``."""

    def test_a_device_is_listed_without_its_secret(self, folder: Path, device: str) -> None:
        listed = ok(engage(folder, "kpn", "device", "list"))
        assert [
            word
            for word in (IMEI, "depot", "main", "m2m+", "8931440400000000001", "message token")
            if word not in listed
        ] == []
        (found,) = json.loads(ok(engage(folder, "kpn", "device", "list", "--json")))
        assert (found["imei"], found["site"], found["proven"], found["imei_check_digit"]) == (
            device,
            "main",
            True,
            True,
        )
        assert DEVICE_SECRET.reveal().decode() not in listed + json.dumps(found)

    def test_without_a_secret_it_is_shown_as_unproven(self, folder: Path) -> None:
        wrong_digit = OTHER_IMEI[:-1] + "0"
        added = ok(engage(folder, "kpn", "device", "add", wrong_digit, "--link", "depot", "--no-secret"))
        assert "unproven: private network alone" in added
        assert "not its check digit" in added
        assert f"{wrong_digit} (check digit wrong)" in ok(engage(folder, "kpn", "device", "list"))
        ok(engage(folder, "kpn", "device", "remove", wrong_digit, "--yes"))
        assert "no device is registered" in ok(engage(folder, "kpn", "device", "list"))

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((IMEI, "--link", "depot"), "a secret or none"),
            ((IMEI, "--link", "depot", "--no-secret", "--secret-file", "device.secret"), "a secret or none"),
            ((IMEI, "--no-secret"), "several links"),
            ((IMEI, "--link", "gone", "--no-secret"), "no link named gone"),
            ((IMEI, "--link", "bare", "--no-secret"), "no private_network"),
            ((IMEI[:-1], "--link", "depot", "--no-secret"), "not an IMEI"),
            ((IMEI, "--link", "depot", "--secret-file", "destination.secret"), "no device secret"),
            ((IMEI, "--link", "depot", "--no-secret", "--iccid", "12"), "not an ICCID"),
            ((IMEI, "--link", "depot", "--no-secret", "--msisdn", "x"), "not a telephone number"),
            ((IMEI, "--link", "depot", "--no-secret", "--sim-type", "m2m++"), "m2m"),
        ],
    )
    def test_what_is_wrong_is_refused(self, folder: Path, arguments: tuple[str, ...], words: str) -> None:
        done = engage(folder, "kpn", "device", "add", *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert json.loads(ok(engage(folder, "kpn", "device", "list", "--json"))) == []

    def test_a_device_is_registered_once(self, folder: Path, device: str) -> None:
        again = engage(folder, "kpn", "device", "add", device, "--link", "depot", "--no-secret")
        assert again.returncode == 2
        assert "registered already" in again.stderr

    def test_each_act_is_in_the_audit_log(self, folder: Path, device: str) -> None:
        ok(engage(folder, "kpn", "downlink", "send", device, "a=1"))
        number = downlinks(folder)[-1]["downlink"]
        ok(engage(folder, "kpn", "downlink", "cancel", number))
        shown = ok(engage(folder, "audit", "show", "--json"))
        for action in ("kpn-device:added", "downlink:queued", "downlink:cancelled"):
            assert action in shown
        assert DEVICE_SECRET.reveal().decode() not in shown
        ok(engage(folder, "audit", "verify"))

    def test_nobody_removes_what_is_not_there_or_without_a_yes(self, folder: Path, device: str) -> None:
        assert engage(folder, "kpn", "device", "remove", OTHER_IMEI, "--yes").returncode == 2
        assert engage(folder, "kpn", "device", "remove", device).returncode != 0
        assert device in ok(engage(folder, "kpn", "device", "list"))


class TestDownlinks:
    """``downlink send|list|cancel``."""

    def test_one_executes_and_the_others_wait(self, folder: Path, device: str) -> None:
        assert "is executing" in ok(engage(folder, "kpn", "downlink", "send", device, "report=now"))
        assert "is queued" in ok(engage(folder, "kpn", "downlink", "send", device, "report=later"))
        first, second = downlinks(folder)
        assert (first["status"], second["status"]) == ("executing", "queued")
        assert first["content"] == f'[{{"bn":"{bn()}"}},{{"n":"report","vs":"now"}}]'
        ok(engage(folder, "kpn", "downlink", "cancel", first["downlink"]))
        assert [each["status"] for each in downlinks(folder)] == ["cancelled", "executing"]
        assert engage(folder, "kpn", "downlink", "cancel", first["downlink"]).returncode == 2

    def test_a_file_must_name_the_device(self, folder: Path, device: str) -> None:
        (folder / "downlink.json").write_bytes(b'[{"bn":"%s","n":"a","v":1.50}]\n' % bn().encode())
        ok(engage(folder, "kpn", "downlink", "send", device, "--file", "downlink.json"))
        assert downlinks(folder)[-1]["content"] == f'[{{"bn":"{bn()}","n":"a","v":1.50}}]'
        for content in (pack(imei=OTHER_IMEI), b'[{"n":"a","v":1}]', b"[]", b"x" * 5000):
            (folder / "downlink.json").write_bytes(content)
            assert engage(folder, "kpn", "downlink", "send", device, "--file", "downlink.json").returncode in (2, 3)
        assert len(downlinks(folder)) == 1

    @pytest.mark.parametrize("arguments", [(), ("a=1", "--file", "links.toml"), ("a",)])
    def test_it_has_values_or_a_file(self, folder: Path, device: str, arguments: tuple[str, ...]) -> None:
        assert engage(folder, "kpn", "downlink", "send", device, *arguments).returncode == 2

    def test_an_sms_is_planned_and_not_sent(self, folder: Path, device: str) -> None:
        told = ok(engage(folder, "kpn", "downlink", "send", device, "report=now", "--sms"))
        assert "no SMS gateway" in told
        assert "5277" in told
        assert "49 h 5 min" in told
        assert "after 48 h" in told
        (last,) = [line for line in told.splitlines() if line.endswith("never")]
        assert last.split()[0] == "32"
        sent = json.loads(ok(engage(folder, "kpn", "downlink", "send", device, "a=1", "--sms", "--json")))
        assert (sent["status"], sent["attempts"]) == ("queued", [])

    def test_another_sim_takes_no_sms(self, folder: Path) -> None:
        ok(engage(folder, "kpn", "device", "add", OTHER_IMEI, "--link", "depot", "--no-secret"))
        done = engage(folder, "kpn", "downlink", "send", OTHER_IMEI, "a=1", "--sms")
        ok(engage(folder, "kpn", "device", "remove", OTHER_IMEI, "--yes"))
        assert done.returncode == 2
        assert "only an M2M+ SIM" in done.stderr

    def test_what_was_queued_reaches_the_device_through_the_real_tables(self, folder: Path, device: str) -> None:
        """From the command to an answer of the ingestion, by the copy that the operators' instance keeps."""
        ok(engage(folder, "kpn", "downlink", "send", device, "report=now"))
        settings = load_settings(None, {}, {}, folder)
        side = open_operator_side(settings, {})
        side.ingress_copy.renew()
        tables = FileTables(settings.links_dir, LinkKey(settings))
        ingestion = Ingestion([KpnLink("depot", "main")], KeptEvents(), tables, RecentMessages())
        assert ingestion.answer(call(pack()), {}).status == 401
        answer = ingestion.answer(call(pack(), DEVICE_SECRET), {})
        assert answer.body == f'[{{"bn":"{bn()}"}},{{"n":"report","vs":"now"}}]'.encode()
        assert ingestion.answer(call(pack(bt=1_700_000_001), DEVICE_SECRET), {}).body == b""
        side.ingress_copy.renew()
        side.close()
        assert downlinks(folder)[-1]["status"] == "delivered"


class TestSend:
    """``send``: against a server of the standard library, which keeps what it got."""

    def test_the_message_is_the_document_s(self, folder: Path, partner: Partner) -> None:
        downlink = b'[{"bn":"x:"},\r\n{"n":"report","vs":"soon"}]'
        partner.raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(downlink)
        partner.raw += downlink
        told = ok(engage(folder, "kpn", "send", "--link", "depot", "door=left open", "rssi=-71"))
        got = partner.got[-1]
        assert got.headers["Things-Message-Token"] == token_of(got.body, DEVICE_SECRET)
        records = json.loads(got.body)
        assert records[0]["bn"] == bn()
        assert records[1:] == [{"n": "door", "vs": "left open"}, {"n": "rssi", "v": -71}]
        assert b": " not in got.body
        assert "accepted with status 200" in told
        assert "x:report  soon" in told

    def test_without_a_downlink_and_without_a_time(self, folder: Path, partner: Partner) -> None:
        partner.raw = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        told = ok(engage(folder, "kpn", "send", "--link", "depot", "--no-time", "a=1", "--json"))
        assert json.loads(told)["downlink"] == []
        assert "bt" not in json.loads(partner.got[-1].body)[0]

    @pytest.mark.parametrize(("status", "exit_status"), [(401, 1), (302, 1), (429, 3), (500, 3)])
    def test_other_answers_are_errors(self, folder: Path, partner: Partner, status: int, exit_status: int) -> None:
        partner.raw = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status
        before = len(partner.got)
        assert engage(folder, "kpn", "send", "--link", "depot", "a=1").returncode == exit_status
        assert len(partner.got) == before + 1

    def test_over_the_internet_the_server_is_checked_first(self, folder: Path) -> None:
        secure = Partner(tls_from=folder / "certs" / "main").start()
        secure.raw = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        links = (folder / "links.toml").read_text()
        url = f"https://localhost:{secure.port}/ingestion/ip/senml/v1"
        (folder / "internet.toml").write_text(links.replace("[links.bare]", f'internet_url = "{url}"\n\n[links.bare]'))
        command = ("kpn", "send", "--link", "depot", "--internet", "door=closed")
        stranger = engage(folder, *command, ENGAGE_LINKS_FILE="internet.toml")
        assert (stranger.returncode, secure.got) == (3, [])
        assert "TLS failed" in stranger.stderr
        ok(engage(folder, *command, "--ca-file", "certs/main/partner_CA.pem", ENGAGE_LINKS_FILE="internet.toml"))
        secure.stop()
        (got,) = secure.got
        assert (got.path, got.headers["Host"]) == ("/ingestion/ip/senml/v1", f"localhost:{secure.port}")
        assert json.loads(got.body)[0]["bn"] == "urn:dev:DVNUUID:0f8fad5b-d9cb-469f-a165-70867728950e:"
        assert got.headers["Things-Message-Token"] == token_of(got.body, DEVICE_SECRET)

    def test_a_link_that_does_not_say_who_reports_is_refused(self, folder: Path) -> None:
        done = engage(folder, "kpn", "send", "--link", "bare", "a=1")
        assert done.returncode == 2
        assert "there is no imei" in done.stderr
        assert "required" in engage(folder, "kpn", "send", "--link", "bare", "--internet", "a=1").stderr

    def test_another_site_has_no_link(self, folder: Path) -> None:
        assert engage(folder, "kpn", "send", "--site", "other", "a=1").returncode == 2
