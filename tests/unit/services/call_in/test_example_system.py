"""The partner's system of docs/examples answers each call as the page says that a system must."""

import runpy
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from flask.testing import FlaskClient

from engage_server.protocol.serial_number import encode_serial
from engage_server.records import CallIn, CallInWay, Host, Upstream
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.web.app import create_app
from tests.support import checkout
from tests.support.chains import NOW
from tests.support.world import World, serial_of

EXAMPLE = runpy.run_path(str(checkout.ROOT / "docs" / "examples" / "own_system.py"))


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), EXAMPLE["OwnSystem"]) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/prefix"
        server.shutdown()


def test_every_call_gets_what_a_device_accepts(world: World, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.add_site("main", (Host.parse("main.example.org"),))
    world.sites.add_device(serial_of(1), "main", world.occasion)
    world.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream(url, 5)))
    distribution = world.distribution()
    client: FlaskClient = create_app(distribution, call_ins=world.call_ins(distribution)).test_client()
    for method, path, status in (
        ("PUT", "/swordfish/lock/Config", 200),
        ("GET", "/swordfish/lock/db/0", 200),
        ("POST", "/api/credentials/scan", 200),
        ("POST", "/api/credentials", 201),
        ("POST", "/api/credentials/status", 200),
        ("POST", "/swordfish/lock/audit", 201),
        ("POST", "/swordfish/lock/alert", 201),
    ):
        target = f"{path}?serialNumber={encode_serial(serial_of(1))}"
        answer = client.open(target, method=method, data=None if method == "GET" else b"{}", base_url="https://x")
        assert answer.status_code == status, path
        if method == "GET":
            assert answer.data == EXAMPLE["DATABASE"].read_bytes()
    delivered = UpstreamDelivery("main", world.uploads, Upstream(url, 5)).run(lambda: NOW)
    assert (delivered.taken, delivered.waiting, delivered.trouble) == (2, 0, "")
    shown = capsys.readouterr().err
    assert shown.count(f"{serial_of(1)} sends b") == 7
    assert '"GET /prefix/swordfish/lock/db/0?' in shown
    assert client.get(f"/swordfish/lock/db/0?serialNumber={serial_of(2)}", base_url="https://x").status_code == 404
    assert capsys.readouterr().err == "", "a device that is on no list does not reach the system"
