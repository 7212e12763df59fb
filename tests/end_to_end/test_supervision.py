"""Two instances under one: signals, deaths, ports, and what is not there."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.alone import instance_alone
from tests.support.running import (
    ENGAGE,
    NOTICE,
    RunningPair,
    clean_environment,
    engage,
    eventually,
    running_pair,
)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.campaign("every pair of these tests is ended so, and its status looked at")
def test_sigterm_ends_both_with_status_0(installation: Path) -> None:
    with running_pair(installation) as pair:
        eventually(lambda: len(pair.workers()) == 4, "two workers each")
        processes = [*pair.children(), *pair.workers()]
        assert pair.stop() == 0
        assert all(gone(pid) for pid in processes)


_OTHERS = pytest.mark.long("the first instance's death, beside")


@pytest.mark.parametrize("which", [0, pytest.param(1, marks=_OTHERS), pytest.param(2, marks=_OTHERS)])
def test_one_death_ends_the_other_with_another_status(installation: Path, which: int) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        children, workers = pair.children(), pair.workers()
        os.kill(children[which], signal.SIGKILL)
        assert pair.process.wait(20) == 1
        assert "instance ended" in pair.log
        eventually(lambda: all(gone(pid) for pid in [*children, *workers]), "nobody is left")


def test_a_killed_supervisor_takes_both_along(installation: Path) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        children, workers = pair.children(), pair.workers()
        pair.process.kill()
        eventually(lambda: all(gone(pid) for pid in [*children, *workers]), "nobody is left")


@pytest.mark.campaign("test_full_log.py, where both workers are killed and replaced")
def test_a_killed_worker_is_replaced(installation: Path) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        before = pair.workers()
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: len(pair.workers()) == 2 and pair.workers() != before, "replaced")
        assert pair.process.poll() is None


def test_a_second_start_is_told_that_the_port_is_taken(shared_pair: RunningPair, installation: Path) -> None:
    ports = ("--http-port", shared_pair.http_port, "--operators-port", shared_pair.operators_port)
    done = engage(installation, "serve", "--bind", "127.0.0.1", *ports)
    assert done.returncode == 3
    assert f"port {shared_pair.http_port} is in use" in done.stderr
    assert "--http-port" in done.stderr
    assert "Traceback" not in done.stderr
    https = ("serve", "https", "--bind", "127.0.0.1", "--https-port", shared_pair.https_port)
    assert "--https-port" in engage(installation, *https).stderr


def test_a_low_port_without_the_right_to_it_is_one_clear_error(installation: Path) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("this machine lets everybody bind low ports")
    command = [ENGAGE, "serve", "--bind", "127.0.0.1"]
    if os.getuid() == 0:
        command = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", *command]
    done = subprocess.run(
        command, cwd=installation, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "port 80: this user may not listen on it" in done.stderr
    assert "--http-port 8080" in done.stderr
    assert "setcap" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def test_there_is_no_control_socket(shared_pair: RunningPair) -> None:
    for pid in shared_pair.children():
        sockets = {str(f.readlink()) for f in Path(f"/proc/{pid}/fd").iterdir() if f.is_symlink()}
        inodes = {name[8:-1] for name in sockets if name.startswith("socket:[")}
        listening = Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]
        assert not [line for line in listening if line.split()[6] in inodes and len(line.split()) > 7]


@pytest.mark.campaign("the HTTP instance alone, below, and the TLS instance alone in test_keys.py")
def test_one_instance_alone(installation: Path) -> None:
    for listener in ("http", "https"):
        with instance_alone(installation, listener) as alone:
            pass
        assert alone.process.returncode == 0


def test_the_http_instance_needs_no_key(installation: Path) -> None:
    """Least privilege: it opens no secret, so the key-encryption key can be kept from it."""
    (installation / "engage.kek").rename(installation / "away")
    with instance_alone(installation, "http") as alone:
        assert alone.process.poll() is None
    done = engage(installation, "serve", "https", "--bind", "127.0.0.1", "--https-port", alone.port)
    assert done.returncode == 2
    assert "engage.kek is missing" in done.stderr


@pytest.mark.campaign("test_reloading.py: no request fails meanwhile")
def test_sighup_reads_the_settings_again(installation: Path) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        before = pair.workers()
        settings = installation / "engage.toml"
        settings.write_text("public_http_port = 8099\n")
        pair.process.send_signal(signal.SIGHUP)
        request = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        eventually(lambda: b"http://127.0.0.1:8099/" in _answer(pair, request), "the new port stands in cert_url")
        eventually(lambda: not set(before) & set(pair.workers()) and len(pair.workers()) == 2, "workers are new")
        ports = ("--http-port", pair.http_port, "--https-port", pair.https_port)
        looked = engage(installation, "doctor", *ports).stdout
        assert "a virtual lock fetched the anchor" in looked, "it stands behind the NAT, where 8099 leads nowhere"
        settings.write_text("public_http_port = 'no'\n")
        pair.process.send_signal(signal.SIGHUP)
        eventually(lambda: pair.log.count("settings not reloaded") == 3, "all tell that it cannot be used")
        time.sleep(1)
        eventually(lambda: b"http://127.0.0.1:8099/" in _answer(pair, request), "the last good settings stay")
        assert pair.process.poll() is None


def _answer(pair: RunningPair, request: bytes) -> bytes:
    try:
        return pair.raw_http(request)
    except OSError:
        return b""


@pytest.mark.long("test_hostile_clients.py, where bad clients stall")
def test_stalled_devices_do_not_take_all_threads(installation: Path) -> None:
    """Handshakes and requests that stop half-way are let go, where gunicorn alone would wait for ever."""
    limits = {"ENGAGE_THREADS": "2", "ENGAGE_HEADER_SECONDS": "1", "ENGAGE_HANDSHAKE_SECONDS": "1"}
    with running_pair(installation, "--workers", "1", **limits) as pair:
        stalled = []
        for port, half in ((pair.http_port, b"GET /swordf"), (pair.https_port, b"\x16\x03\x01\x02\x00\x01")):
            for _ in range(6):
                connection = socket.create_connection(("127.0.0.1", port), timeout=60)
                connection.sendall(half)
                stalled.append(connection)
        request = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        root = installation / "certs" / "main" / "partner_CA.pem"
        assert pair.raw_http(request).startswith(b"HTTP/1.1 200 OK")
        assert pair.raw_https(request, root)[0].startswith(b"HTTP/1.1 200 OK")
        assert "Traceback" not in pair.log
        for connection in stalled:
            connection.close()


def test_a_worker_that_can_not_start_ends_all_with_the_reason(installation: Path) -> None:
    """It is not replaced over and over; a service manager sees a failure."""
    (installation / "data" / "metrics").mkdir()
    (installation / "data" / "metrics" / "https").write_text("in the way")
    done = engage(installation, "serve", "--bind", "127.0.0.1", *_three_ports())
    assert done.returncode == 1
    assert "metrics/https" in done.stdout + done.stderr
    assert "instance ended" in done.stderr
    assert done.stderr.count("Booting worker") <= 12


def _three_ports() -> tuple[object, ...]:
    from tests.support.running import free_port, free_ports

    http, https = free_ports()
    return ("--http-port", http, "--https-port", https, "--operators-port", free_port())
