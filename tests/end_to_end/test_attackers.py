"""The tools of ``scripts/soak --attacks`` do what they say: an attack that did nothing would prove nothing."""

import pytest

from tests.bench.attacks import CONTROL, Outcome
from tests.bench.right_devices import Calls
from tests.bench.stage import Workers
from tests.support.attackers import ATTACKS
from tests.support.hello_client import Hello, HelloClient, NotOffered, recorded_hello
from tests.support.running import NOTICE, RunningPair
from tests.support.strangers import Clock, Tally, Target

QUICK = ("silent TLS", "TLS key updates", "one-octet TLS records", "TCP resets", "expensive hellos", "odd server names")


@pytest.mark.parametrize("name", QUICK)
def test_an_attack_does_something_and_ends(shared_pair: RunningPair, name: str) -> None:
    workers, tally = shared_pair.workers(), Tally()
    ATTACKS[name](Target(shared_pair.http_port, shared_pair.https_port, held=20), Clock(0.4), tally)
    assert tally.total() > 0
    assert shared_pair.workers() == workers
    assert b" 200 OK" in shared_pair.raw_http(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())


def test_key_updates_are_taken_and_the_connection_goes_on(shared_pair: RunningPair) -> None:
    with HelloClient(Hello()).connected(shared_pair.https_port) as connection:
        assert connection is not None
        assert connection.version == "TLSv1.3"
        assert connection.update_key()
        assert connection.update_key(ask_for_one=True)
        answer = connection.exchange(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_tls_1_2_has_no_key_updates_and_we_do_not_renegotiate(shared_pair: RunningPair) -> None:
    with HelloClient(Hello("TLSv1.2")).connected(shared_pair.https_port) as connection:
        assert connection is not None
        assert not connection.update_key()
        assert not connection.renegotiate()


def test_a_recorded_hello_offers_what_it_should() -> None:
    alone, two = recorded_hello(Hello(groups="P-384")), recorded_hello(Hello(groups="P-384:X25519"))
    assert b"\x00\x0a\x00\x04\x00\x02\x00\x18" in alone
    assert b"\x00\x0a\x00\x06\x00\x04\x00\x18\x00\x1d" in two
    with pytest.raises(NotOffered):
        recorded_hello(Hello(groups="no-such-group"))


def calls(milliseconds: list[float], failed: int = 0) -> Calls:
    found = Calls({"notice": milliseconds})
    found.failures.update({"tls: no answer": failed} if failed else {})
    return found


@pytest.mark.parametrize(
    ("outcome", "is_well"),
    [
        (Outcome("silent TLS", Tally(connections=1), calls([2.0] * 100), Workers()), True),
        (Outcome(CONTROL, Tally(), calls([2.0] * 100), Workers()), True),
        (Outcome("silent TLS", Tally(), calls([2.0] * 100), Workers()), False),
        (Outcome("silent TLS", Tally(connections=1), calls([2.0] * 100, failed=1), Workers()), False),
        (Outcome("silent TLS", Tally(connections=1), calls([2.0] * 98 + [250.0] * 2), Workers()), False),
        (Outcome("silent TLS", Tally(connections=1), calls([]), Workers()), False),
        (Outcome("silent TLS", Tally(connections=1), calls([2.0] * 100), Workers(deaths=1)), False),
    ],
)
def test_what_is_well(outcome: Outcome, is_well: bool) -> None:
    assert outcome.is_well == is_well
