"""The operators' listener, and what is seen from outside: metrics, logs, dashboard and alert rules."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engage_server.serving.worker.metrics import FAMILIES
from tests.support.running import NOTICE, RunningPair, eventually, running_pair

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
PROMTOOL = Path(sys.prefix) / "share" / "promtool"
CLOSE = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n"


def raw(port: int, sent: str) -> tuple[str, str]:
    """Head and body of what comes back for these bytes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        connection.sendall(sent.encode("latin-1"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


def scrape(pair: RunningPair, path: str = "/metrics") -> tuple[str, str]:
    """Head and body."""
    return raw(pair.operators_port, f"GET {path} HTTP/1.1\r\n{CLOSE}")


def promtool(*arguments: str, stdin: str | None = None, complaint: str = "") -> None:
    """Prometheus' own judge agrees, but for what is named here."""
    if not PROMTOOL.exists():
        pytest.skip("promtool is not there: scripts/test fetches it where it can")
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=PROMETHEUS, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == complaint, done.stdout + done.stderr
    assert complaint or done.returncode == 0


def names_in(text: str) -> set[str]:
    """The metrics that an expression, a rule or a dashboard speaks of."""
    return set(re.findall(r"\bengage_[a-z_]+", text))


@pytest.fixture(scope="module")
def busy_pair(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]  # a fixture's generator
    """Two workers each, that have seen some devices."""
    from tests.support.installation import make_installation

    with running_pair(make_installation(tmp_path_factory.mktemp("busy")), "--workers", "2") as pair:
        root = pair.folder / "certs" / "main" / "partner_CA.pem"
        for _ in range(20):
            pair.raw_http(f"GET {NOTICE}?serialNumber=AAAAAAAAAACgsQAAAAACBg== HTTP/1.1\r\n{CLOSE}".encode())
            pair.raw_https(f"GET {NOTICE} HTTP/1.1\r\n{CLOSE}".encode(), root)
        pair.raw_http(f"GET /nothing?secret=hush HTTP/1.1\r\nAuthorization: hush\r\n{CLOSE}".encode())
        stranger = ["openssl", "s_client", "-connect", f"127.0.0.1:{pair.https_port}", "-verify_return_error"]
        subprocess.run([*stranger, "-brief"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        eventually(lambda: pair.metrics()["engage_sightings_stored_total"] >= 61, "all are counted")
        time.sleep(1.5)
        yield pair


def test_the_whole_operators_listener(busy_pair: RunningPair) -> None:
    assert scrape(busy_pair)[0].startswith("HTTP/1.1 200 OK")
    assert json.loads(scrape(busy_pair, "/healthz")[1]) == {"status": "ok"}
    assert json.loads(scrape(busy_pair, "/readyz")[1]) == {"status": "ready"}
    head = scrape(busy_pair, "/")[0]
    assert head.startswith("HTTP/1.1 303")
    assert "Location: /sign-in" in head
    for path in (NOTICE, "/certificates/00000000000000000000000000000000.der", "/static/x"):
        assert scrape(busy_pair, path)[0].startswith("HTTP/1.1 404"), "devices have their own listeners"
    assert b"404 Not Found" in busy_pair.raw_http(f"GET /metrics HTTP/1.1\r\n{CLOSE}".encode())


@pytest.mark.parametrize(
    ("request_line", "fields", "status", "code"),
    [
        ("GET /metrics", "Host: evil.example", 421, "host.not_listed"),
        ("GET /healthz", "Host: evil.example", 421, "host.not_listed"),
        ("GET /readyz", "Host: 127.0.0.1.evil.example", 421, "host.not_listed"),
        ("GET /nothing", "Host: evil.example", 421, "host.not_listed"),
        ("DELETE /metrics", "Host: evil.example", 421, "host.not_listed"),
        ("BREW /", "Host: evil.example", 421, "host.not_listed"),
        ("OPTIONS *", "Host: evil.example", 421, "host.not_listed"),
        ("GET http://evil.example/metrics", "Host: localhost", 421, "host.not_listed"),
        ("GET http://localhost@evil.example/metrics", "Host: localhost", 421, "host.not_listed"),
        ("GET /metrics", "X: y\r\nHost: localhost, evil.example", 421, "host.not_listed"),
        ("GET /metrics", "Host: localhost\r\nHost: evil.example", 400, "request.malformed"),
        ("GET /metrics", "X: y", 400, "request.host"),
        ("GET /metrics", "Host_: localhost", 400, "request.host"),
        ("GET /nothing", "Host: LOCALHOST.:1", 404, "address.not_found"),
        ("POST http://localhost/metrics", "Host: evil.example", 405, "request.method"),
        ("POST /nothing", "Host: localhost\r\nOrigin: http://evil.example", 403, "access.origin"),
        ("POST /nothing", "Host: localhost\r\nTransfer-Encoding: gzip, chunked", 501, "request.transfer_coding"),
        ("POST /nothing", "Host: localhost\r\nContent-Length: 99999999", 413, "request.too_large"),
        ("POST /nothing", "Host: localhost\r\nExpect: tea", 417, "request.expectation"),
        ("GET /" + "a" * 5000, "Host: localhost", 414, "request.target_too_long"),
        ("GET /metrics", "Host: localhost\r\nX: " + "a" * 9000, 431, "request.header_too_large"),
        ("GET /metrics bytes", "Host: localhost", 400, "request.malformed"),
    ],
)
def test_each_refusal_is_a_problem(
    busy_pair: RunningPair, request_line: str, fields: str, status: int, code: str
) -> None:
    head, body = raw(busy_pair.operators_port, f"{request_line} HTTP/1.1\r\n{fields}\r\nConnection: close\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nContent-Type: application/problem+json\r\n" in head
    assert "\r\nX-Content-Type-Options: nosniff\r\n" in head
    assert f"\r\nContent-Length: {len(body)}\r\n" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert "engage_" not in body


def test_the_control_shows_the_metrics_and_devices_may_say_any_host(busy_pair: RunningPair) -> None:
    for host in ("localhost", "127.0.0.1:8008", "[::1]"):
        head, body = raw(
            busy_pair.operators_port, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert "engage_store_up 1.0" in body
        assert "\r\nCache-Control: no-store\r\n" in head
    foreign = "Host: evil.example\r\nOrigin: http://evil.example"
    head, body = raw(busy_pair.http_port, f"GET /healthz HTTP/1.1\r\n{foreign}\r\nConnection: close\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "nosniff" not in head
    assert body == '{"status":"ok"}'


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize(("host", "shown"), [("evil.example", "host.not_listed"), ("localhost", "engage_store_up")])
def test_a_page_that_rebinds_its_name_reads_nothing(
    busy_pair: RunningPair, tmp_path: Path, host: str, shown: str
) -> None:
    """The page of evil.example asks its own origin, whose name now leads to this machine."""
    rules = f"--host-resolver-rules=MAP {host} 127.0.0.1"
    command = (CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", rules)
    address = f"http://{host}:{busy_pair.operators_port}/metrics"
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, check=True, timeout=120)
    assert shown in done.stdout
    assert ("engage_" in done.stdout) is (host == "localhost")


def test_the_secret_of_a_link_reaches_no_log(busy_pair: RunningPair) -> None:
    secret = "thesecretofalink" * 2
    for path in (f"/sign-in/{secret}", f"/sign%2Din/{secret}", f"/sign-in/{secret}?x={secret}"):
        assert scrape(busy_pair, path)[0].startswith("HTTP/1.1 410")
    eventually(lambda: busy_pair.log.count("/sign-in/***") >= 3, "each request is logged, without its secret")
    assert secret not in busy_pair.log


def test_it_listens_on_this_machine_alone(busy_pair: RunningPair) -> None:
    port = f"{busy_pair.operators_port:04X}"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{port}")] == [f"0100007F:{port}"]


def _accepted(figures: dict[str, float]) -> float:
    return sum(value for name, value in figures.items() if name.startswith("engage_connections_accepted_total"))


def test_all_workers_are_added_up(busy_pair: RunningPair) -> None:
    eventually(lambda: _accepted(busy_pair.metrics()) >= 62, "each worker writes its figures down once a second")
    found = busy_pair.metrics()
    assert found['engage_requests_total{listener="http",route="device.notice",status="200"}'] == 20
    assert found['engage_requests_total{listener="https",route="device.notice",status="200"}'] == 20
    assert found['engage_requests_total{listener="http",route="none",status="404"}'] >= 1
    assert found['engage_request_seconds_count{listener="http",route="device.notice"}'] == 20
    assert found['engage_handshakes_total{result="finished",tls_version="TLSv1.3"}'] == 20
    assert found['engage_handshakes_total{result="alert",tls_version=""}'] == 1
    assert found['engage_tls_alerts_received_total{alert="unknown_ca"}'] == 1
    assert found['engage_release_current{site="main"}'] == 1
    served = {name: value for name, value in found.items() if name.startswith("engage_release_served")}
    assert len(served) == 4, "each worker says what it serves"
    assert set(served.values()) == {1}
    assert found['engage_certificate_days_left{role="root",site="main"}'] > 1000
    assert {"server", "intermediate", "root"} == set(
        re.findall(r'engage_certificate_days_left\{role="([^"]+)"', " ".join(found))
    )
    assert (found["engage_store_up"], found["engage_sightings_unreadable_total"]) == (1, 0)


def test_prometheus_reads_them_and_finds_nothing_wrong(busy_pair: RunningPair) -> None:
    head, body = scrape(busy_pair)
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    families = {family.name for family in text_string_to_metric_families(body)}
    assert set(FAMILIES) <= families
    # operators think of certificates in days
    complaint = 'engage_certificate_days_left use base unit "seconds" instead of "days"'
    promtool("check", "metrics", stdin=body, complaint=complaint)


def test_the_alert_rules_are_raised_by_what_they_are_for() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts_test.yml")


@pytest.mark.skipif(not PROMTOOL.exists(), reason="promtool is not there: scripts/test fetches it where it can")
def test_the_scrape_configurations_of_the_readme_are_some(tmp_path: Path) -> None:
    """A new user copies one of them; the second asks with a token, over TLS."""
    readme = (PROMETHEUS / "README.md").read_text()
    blocks = re.findall(r"^```\n(scrape_configs:.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert ["credentials_file" in block for block in blocks] == [False, True]
    for block in (*blocks, *(each.replace("static_configs", "static_config") for each in blocks)):
        file = tmp_path / "prometheus.yml"
        file.write_text(block)
        done = subprocess.run(
            [PROMTOOL, "check", "config", "--syntax-only", file], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is ("static_configs" in block), done.stderr


def test_an_alert_advises_the_same_as_the_readme() -> None:
    rules, readme = (PROMETHEUS / "alerts.yml").read_text(), (ROOT / "README.md").read_text()
    renewal = "engage rotate start --way server-renewal"
    (advice,) = re.findall(r'alert: EngageServerCertificateEnds\n(?:.*\n)*?.*next: "(.*)"', rules)
    assert renewal in advice
    assert renewal in readme
    assert "release stage" not in rules, "a rotation builds, checks and stages"


def test_rules_and_dashboard_speak_of_metrics_that_there_are(busy_pair: RunningPair) -> None:
    there = names_in(scrape(busy_pair)[1])
    rules, dashboard = (PROMETHEUS / "alerts.yml").read_text(), DASHBOARD.read_text()
    assert len(names_in(rules)) > 8
    assert len(names_in(dashboard)) > 12
    described = names_in(" ".join(re.findall(r"(?:expr|query)\W.*", rules + dashboard)))
    assert described - there == set()


def test_the_dashboards_panels_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_log_is_one_json_object_a_line_without_secrets(busy_pair: RunningPair) -> None:
    lines = [line for line in busy_pair.log.splitlines() if line.startswith("{")]
    found = [json.loads(line) for line in lines]
    requests = [line for line in found if line["event"] == "request"]
    notices = [line for line in requests if line["path"] == NOTICE and line["listener"] == "http"]
    assert len(notices) == 20
    assert {line["serial"] for line in notices} == {"0000000000000000A0B1000000000206"}
    assert {line["tls"] for line in requests if line["listener"] == "https"} == {"TLSv1.3"}
    assert all(line["status"] and line["bytes"] and line["seconds"] > 0 for line in requests)
    assert "hush" not in busy_pair.log
    others = set(busy_pair.log.splitlines()) - set(lines)
    assert not [line for line in others if "worker" in line], "everything but what the command itself says is JSON"


@pytest.mark.campaign("tests/unit/serving/worker/test_log_lines.py")
def test_the_log_as_text(installation: Path) -> None:
    with running_pair(installation, "--workers", "1", ENGAGE_LOG_FORMAT="text") as pair:
        pair.raw_http(f"GET /a%0ab?x HTTP/1.1\r\n{CLOSE}".encode())
        eventually(lambda: '"GET /a%0ab" 404' in pair.log, "the request")
        assert not [line for line in pair.log.splitlines() if line.startswith("{")]


def test_what_a_dead_worker_counted_stays_and_what_it_held_does_not(installation: Path) -> None:
    import os
    import signal

    name = 'engage_requests_total{listener="http",route="device.notice",status="200"}'
    with running_pair(installation, "--workers", "1") as pair:
        with closing(socket.create_connection(("127.0.0.1", pair.http_port), timeout=60)) as idle:
            idle.sendall(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            eventually(lambda: pair.metrics()['engage_connections_open{listener="http",phase="idle"}'] == 1, "held")
            eventually(lambda: pair.metrics()[name] == 1, "counted")
            before = pair.workers()
            os.kill(before[0], signal.SIGKILL)
            eventually(lambda: len(pair.workers()) == 2 and pair.workers() != before, "replaced")
            eventually(lambda: pair.metrics()['engage_connections_open{listener="http",phase="idle"}'] == 0, "gone")
        assert pair.metrics()[name] == 1
        pair.raw_http(f"GET {NOTICE} HTTP/1.1\r\n{CLOSE}".encode())
        eventually(lambda: pair.metrics()[name] == 2, "added up")
