"""A host that cannot be reached: what to do depends on whether its name was found."""

import socket
from collections.abc import Callable

import pytest

from engage_server.errors import NotPossible
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from engage_server.lock.transport.download import get
from engage_server.lock.transport.tls import presented_chain
from engage_server.services.chains.live_host import look_at
from tests.support.chains import SITE_KEY
from tests.support.defects import right_plan
from tests.support.hosts import serving, tls_context
from tests.support.ports import free_port
from tests.support.served import HOST, parts_of

LIMITS = DeviceLimits(seconds=3)
NAME = "locks.example.org"
CALLS: dict[str, Callable[[str, int], object]] = {
    "http": lambda host, port: get(host, port, "/", LIMITS),
    "tls": lambda host, port: presented_chain(host, port, LIMITS),
    "reachable": lambda host, port: ProbedHost(Target(host, port, port), SITE_KEY, LIMITS).assert_reachable(),
    "probe": lambda host, port: ProbedHost(Target(host, port, port), SITE_KEY, LIMITS).ask(b""),
}


@pytest.fixture
def no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("no_name")
def test_a_name_that_is_in_no_dns(call: str) -> None:
    with pytest.raises(NotPossible, match="Name or service not known") as failed:
        CALLS[call](NAME, 80)
    assert failed.value.next_step.startswith("The DNS of this machine does not know this name.")


@pytest.mark.parametrize("call", CALLS)
def test_a_port_where_nobody_listens(call: str) -> None:
    port = free_port()
    with pytest.raises(NotPossible) as failed:
        CALLS[call]("127.0.0.1", port)
    assert "DNS" not in failed.value.next_step


def test_a_check_of_a_live_host_names_the_option_for_its_http_port() -> None:
    sent, key, _ = parts_of(right_plan())
    port = free_port()
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        with pytest.raises(NotPossible, match=f":{port}: ") as failed:
            look_at(HOST, host.port, port, SITE_KEY)
        assert failed.value.next_step.endswith("Another HTTP port: --http-port PORT.")
        assert look_at(HOST, host.port, port, None).sent, "without a site key it is not asked"
