"""What a call-in's request becomes: each part of it reaches the service that answers."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from engage_server.protocol.caller_serial import caller_claims
from engage_server.protocol.serial_number import encode_serial
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.services.call_in.call import Call, CallAnswer, CallKind
from engage_server.services.call_in.dispatch import CallIns
from engage_server.web import call_in
from engage_server.web.caller import IDENTIFIED, LOCAL_ADDRESS, RAW_HOST, CallerReader
from tests.support.world import serial_of

SERIAL = encode_serial(serial_of(1))


@dataclass
class Heard:
    """Takes the place of the service, and keeps what it is asked."""

    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> CallAnswer:
        self.calls.append(call)
        return CallAnswer(202)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(heard: Heard) -> FlaskClient:
    app = Flask("test", static_folder=None)
    app.register_blueprint(call_in.blueprint(cast(CallIns, heard), CallerReader(())))
    return app.test_client()


PLAIN = Call(
    kind=CallKind.AUDIT,
    method="POST",
    target="/swordfish/lock/audit",
    claims=caller_claims("", ""),
    since="",
    body=b"[]",
    content_type="",
    authorization="",
    host="",
    address="192.0.2.1",
    local="",
    secure=False,
    said_before=None,
)


def post(client: FlaskClient, path: str = "/swordfish/lock/audit", **parts: Any) -> int:
    """A request from a device's address; ``parts`` are arguments of Werkzeug's client."""
    environ = {"REMOTE_ADDR": PLAIN.address, **parts.pop("environ", {})}
    return client.post(path, data=b"[]", environ_base=environ, **parts).status_code


def test_without_more_nothing_is_said(client: FlaskClient, heard: Heard) -> None:
    """The control of each test below."""
    assert post(client) == 202
    assert heard.calls == [PLAIN]


@pytest.mark.parametrize(
    ("header", "value", "changed"),
    [
        (
            "Authorization",
            f"Device {SERIAL}",
            {"authorization": f"Device {SERIAL}", "claims": caller_claims("", f"Device {SERIAL}")},
        ),
        ("Content-Type", "text/json", {"content_type": "text/json"}),
        ("Via", "1.1 partner", {"via": "1.1 partner"}),
        (HEADER, "1", {"marked": True}),
    ],
)
def test_each_header_field_that_counts_is_read(
    client: FlaskClient, heard: Heard, header: str, value: str, changed: dict[str, Any]
) -> None:
    post(client, headers={header: value})
    assert heard.calls == [replace(PLAIN, **changed)]


def test_a_token_is_a_claim_and_a_secret(client: FlaskClient, heard: Heard) -> None:
    token = "QUJD" * 16
    post(client, headers={"Authorization": f"Device {token}"})
    (call,) = heard.calls
    assert call.claims.token == token
    assert token not in repr(call)


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        (RAW_HOST, "locks.example.org", {"host": "locks.example.org"}),
        (IDENTIFIED, SERIAL, {"said_before": SERIAL}),
        (LOCAL_ADDRESS, "10.0.0.1", {"local": "10.0.0.1"}),
    ],
)
def test_what_the_server_says_of_the_connection_is_read(
    client: FlaskClient, heard: Heard, name: str, value: str, changed: dict[str, Any]
) -> None:
    post(client, environ={name: value})
    assert heard.calls == [replace(PLAIN, **changed)]


def test_a_call_by_tls_is_secure(client: FlaskClient, heard: Heard) -> None:
    post(client, base_url="https://locks.example.org")
    assert heard.calls == [replace(PLAIN, host=heard.calls[0].host, secure=True)]


def test_the_query_is_a_claim_and_goes_into_the_target(client: FlaskClient, heard: Heard) -> None:
    query = f"serialNumber={SERIAL}"
    post(client, f"{PLAIN.target}?{query}")
    assert caller_claims(query, "").asked == serial_of(1)
    assert heard.calls == [replace(PLAIN, target=f"{PLAIN.target}?{query}", claims=caller_claims(query, ""))]
