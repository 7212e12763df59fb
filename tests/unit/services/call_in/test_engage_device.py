"""Which device it is, is said to a partner's system with every call and upload, and only by this host."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from engage_server.protocol.serial_number import encode_serial
from engage_server.records import CallIn, CallInWay, Host, Upstream
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.web.app import create_app
from tests.support.chains import NOW
from tests.support.partner import Partner
from tests.support.world import World, serial_of

DEVICE, OTHER = serial_of(1), serial_of(2)
FIELD = "Engage-Device"
CALLS = [
    ("GET", "/swordfish/lock/db/0"),
    ("PUT", "/swordfish/lock/Config"),
    ("POST", "/api/credentials"),
    ("POST", "/swordfish/lock/audit"),
    ("POST", "/swordfish/lock/alert"),
]


@pytest.fixture
def partner() -> Iterator[Partner]:
    system = Partner().start()
    yield system
    system.stop()


@pytest.fixture
def client(world: World, partner: Partner) -> FlaskClient:
    world.add_site("main", (Host.parse("main.example.org"),))
    world.sites.add_device(DEVICE, "main", world.occasion)
    world.answer_call_ins(CallIn(CallInWay.UPSTREAM, upstream=Upstream(partner.url, 5)))
    distribution = world.distribution()
    return create_app(distribution, call_ins=world.call_ins(distribution)).test_client()


def said(client: FlaskClient, world: World, partner: Partner, method: str, path: str, **other: Any) -> str | None:
    """What the system is told about the device of one call."""
    connection = {"REMOTE_ADDR": "192.0.2.1"} | other.pop("environ", {})
    data = b"{}" if method != "GET" else None
    answer = client.open(path, method=method, data=data, environ_base=connection, base_url="https://x", **other)
    assert answer.status_code in (200, 201, 202), answer.data
    UpstreamDelivery("main", world.uploads, Upstream(partner.url, 5)).run(lambda: NOW)
    (got,) = partner.got
    return got.headers.get(FIELD)


@pytest.mark.parametrize(("method", "path"), CALLS)
class TestEachCall:
    def test_one_that_named_itself_earlier_on_the_connection(
        self, client: FlaskClient, world: World, partner: Partner, method: str, path: str
    ) -> None:
        """As devices do: PUT Config names it, and GET db that follows has neither a query nor a body."""
        environ = {"engage_server.identified": DEVICE}
        assert said(client, world, partner, method, path, environ=environ) == DEVICE

    def test_one_that_no_call_named(
        self, client: FlaskClient, world: World, partner: Partner, method: str, path: str
    ) -> None:
        assert said(client, world, partner, method, path) is None

    def test_no_device_says_it_itself(
        self, client: FlaskClient, world: World, partner: Partner, method: str, path: str
    ) -> None:
        assert said(client, world, partner, method, path, headers={FIELD: OTHER}) is None

    def test_nor_instead_of_its_own(
        self, client: FlaskClient, world: World, partner: Partner, method: str, path: str
    ) -> None:
        query = f"?serialNumber={encode_serial(DEVICE)}"
        assert said(client, world, partner, method, path + query, headers={FIELD: OTHER}) == DEVICE
