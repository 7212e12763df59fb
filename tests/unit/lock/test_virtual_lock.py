"""One device's nights, what it remembers, and every kind of firmware, over real sockets."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import UsageError
from engage_server.lock.firmware import LATE, QUESTIONS, Firmware, TlsVersion, all_kinds
from engage_server.lock.fleet.every_kind import losses, try_all
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory, read_memory, write_memory
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.pki import encodings
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.authority import BuiltChain
from tests.support.chains import NOW, OTHER_SITE_KEY, SITE_KEY, Recipe, good_chain
from tests.support.hosts import answer, certificate_host, serving, tls_context

LIMITS = DeviceLimits(seconds=3)
LIKELY = Firmware()
SERIAL = "FBEFBEFBEFBEFBEFBEFBEFBEFBEFBEFB"


@contextmanager
def host(
    chain: Chain | None = None, key: rsa.RSAPrivateKey | None = None, context: ssl.SSLContext | None = None
) -> Iterator[Target]:
    """A right host with this chain."""
    built = good_chain()
    chain = chain or built.chain
    of_port = certificate_host(encodings.der(chain.root), SITE_KEY)
    context = context or tls_context(chain.sent, key or built.server_key)
    with serving(of_port) as plain, serving(lambda _: of_port(plain.port), context) as secure:
        yield Target("127.0.0.1", plain.port, secure.port)


def lock_at(target: Target, memory: DeviceMemory | None = None, firmware: Firmware = LIKELY) -> VirtualLock:
    return VirtualLock(target, SITE_KEY, LIMITS, firmware, SERIAL, memory)


def names(steps: list[Step]) -> list[str]:
    """The steps, the refused ones with a mark."""
    return [step.name if step.ok else f"{step.name}!" for step in steps]


COMMISSIONED = ["notice", "download", "hash", "anchor", "tls", "request"]


class TestNights:
    """The anchor stays until TLS fails, or somebody asks for another."""

    def test_a_quiet_night_asks_for_no_certificate(self) -> None:
        with host() as target:
            lock = lock_at(target)
            assert names(list(lock.run(Trigger.COMMISSIONING, NOW))) == COMMISSIONED
            first = lock.memory
            later = NOW + timedelta(days=1)
            assert names(list(lock.run(Trigger.NIGHT, later))) == ["tls", "request"]
        assert (first.calls, lock.memory.calls) == (1, 2)
        assert lock.memory.anchor_since == first.anchor_since == NOW

    def test_a_new_root_costs_one_failed_handshake(self) -> None:
        with host() as target:
            lock = lock_at(target)
            list(lock.run(Trigger.COMMISSIONING, NOW))
        old, other = lock.memory.anchor_digest, good_chain("another")
        with host(other.chain, other.server_key) as target:
            steps = list(lock_at(target, lock.memory).run(Trigger.NIGHT, NOW))
            assert names(steps) == ["tls!", *COMMISSIONED]
            assert accepted(steps)
            moved = lock_at(target, lock.memory)
            list(moved.run(Trigger.NIGHT, NOW))
            assert moved.memory.anchor_digest not in ("", old)
            assert names(list(moved.run(Trigger.NIGHT, NOW))) == ["tls", "request"]

    def test_a_host_that_does_not_fit_together_is_an_endless_loop(self) -> None:
        """TLS leads elsewhere than the notice: every night the same."""
        other = good_chain("another")
        with host(context=tls_context(other.chain.sent, other.server_key)) as target:
            lock = lock_at(target)
            for night in range(1, 4):
                steps = list(lock.run(Trigger.NIGHT, NOW))
                assert names(steps)[-1] == "tls!"
                assert not accepted(steps)
                assert lock.memory.failures == night

    def test_a_wrong_hash_leaves_the_old_anchor(self) -> None:
        with host() as target:
            lock = lock_at(target)
            list(lock.run(Trigger.COMMISSIONING, NOW))
            kept = lock.memory.anchor_digest
            of_port = certificate_host(encodings.der(good_chain("x").chain.root), OTHER_SITE_KEY)
            with serving(of_port) as liar:
                there = replace(target, http_port=liar.port)
                lock = lock_at(there, lock.memory)
                steps = list(lock.run(Trigger.MANUAL, NOW))
                assert names(steps) == ["notice", "download", "hash!"]
                assert not accepted(steps)
                assert lock.memory.anchor_digest == kept
                assert names(list(lock.run(Trigger.NIGHT, NOW))) == ["tls", "request"]

    def test_the_same_anchor_again_is_no_new_one(self) -> None:
        with host() as target:
            lock = lock_at(target)
            list(lock.run(Trigger.COMMISSIONING, NOW))
            assert names(list(lock.run(Trigger.MANUAL, NOW + timedelta(days=3)))) == COMMISSIONED
        assert lock.memory.anchor_since == NOW

    def test_a_factory_reset_forgets(self) -> None:
        with host() as target:
            lock = lock_at(target)
            list(lock.run(Trigger.COMMISSIONING, NOW))
            steps = list(lock.run(Trigger.FACTORY_RESET, NOW + timedelta(days=3)))
            assert names(steps) == COMMISSIONED
            assert lock.memory.anchor_since == NOW + timedelta(days=3)

    def test_an_answer_that_is_wrong_is_no_reason_to_ask_again(self) -> None:
        built = good_chain()
        of_port = certificate_host(encodings.der(built.chain.root), SITE_KEY)
        context = tls_context(built.chain.sent, built.server_key)
        with serving(of_port) as plain, serving(lambda _: lambda _: answer(b"x", "text/html"), context) as secure:
            lock = lock_at(Target("127.0.0.1", plain.port, secure.port))
            list(lock.run(Trigger.COMMISSIONING, NOW))
            assert names(list(lock.run(Trigger.NIGHT, NOW))) == ["tls", "request!"]


class TestCallIn:
    """The four calls of the night, in order, and which answers a device goes on with."""

    DATABASE = b'{"db":{"schedules":[{}]},"nxtDbVerTS":"0x1F"}'

    def night(self, **answers: bytes) -> tuple[list[str], DeviceMemory, list[str]]:
        right = {
            "/swordfish/lock/Config": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "/swordfish/lock/db/0": answer(self.DATABASE, "application/json"),
            "/swordfish/lock/audit": b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
            "/swordfish/lock/alert": b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        }
        paths = dict(zip(("config", "database", "audit", "alert"), right, strict=True))
        right |= {paths[name]: raw for name, raw in answers.items()}
        built = good_chain()
        der = encodings.der(built.chain.root)
        of_port = certificate_host(der, SITE_KEY)
        context = tls_context(built.chain.sent, built.server_key)
        with serving(of_port) as plain:
            notice = of_port(plain.port)

            def answers_of(path: str) -> bytes:
                return right.get(path) or notice(path)

            with serving(lambda _: answers_of, context, keep_alive=True) as secure:
                lock = lock_at(Target("127.0.0.1", plain.port, secure.port))
                steps = list(lock.run(Trigger.COMMISSIONING, NOW, call_in=True))
                return names(steps)[6:], lock.memory, [request.split("\r\n")[0] for request in secure.requests[1:]]

    def test_in_order(self) -> None:
        told, memory, requests = self.night()
        assert told == ["config", "database", "audit", "alert"]
        assert memory.database_version == "0x1F"
        assert requests == [
            "PUT /swordfish/lock/Config HTTP/1.1",
            "GET /swordfish/lock/db/0 HTTP/1.1",
            "POST /swordfish/lock/audit HTTP/1.1",
            "POST /swordfish/lock/alert HTTP/1.1",
        ]

    @pytest.mark.parametrize(
        ("call", "raw"),
        [
            ("audit", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ("alert", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            ("config", b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found"),
            ("config", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
            ("database", answer(b'{"db":{"schedules":[]},"nxtDbVerTS":"0x1"}', "application/json")),
            ("database", answer(b'{"db":{"schedules":[{}]},"nxtDbVerTS":"1"}', "application/json")),
            ("database", answer(b'{"db":{"schedules":[{}]}}', "application/json")),
            ("database", answer(b"[]", "application/json")),
        ],
    )
    def test_what_a_device_does_not_go_on_with(self, call: str, raw: bytes) -> None:
        told, memory, requests = self.night(**{call: raw})
        assert [name for name in told if name.endswith("!")] == [f"{call}!"]
        assert len(requests) == 4, "one refused call does not keep it from the next"
        assert memory.database_version == ("0" if call == "database" else "0x1F")

    def test_an_answer_without_an_end_is_the_last(self) -> None:
        told, _, requests = self.night(config=b"HTTP/1.1 404 Not Found\r\n\r\nnot found")
        assert told == ["config!"]
        assert len(requests) == 1


def test_a_notice_that_is_nested_too_deep() -> None:
    with serving(lambda _: lambda _: answer(b"[" * 4000, "application/json")) as plain:
        steps = list(lock_at(Target("127.0.0.1", plain.port, 1)).run(Trigger.COMMISSIONING, NOW))
    assert names(steps) == ["notice!"]


class TestMemory:
    """What a state file holds."""

    def test_it_survives_the_file(self) -> None:
        for memory in (DeviceMemory(), DeviceMemory(encodings.der(good_chain().chain.root), NOW, "0x1f", 7, 2)):
            assert read_memory(write_memory(memory), source="x") == memory

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"[]", b"null", b'{"format": "other"}', b"\xff", b'{"anchor": 1}', b"[" * 60_000]
    )
    def test_what_is_no_state(self, content: bytes) -> None:
        with pytest.raises(UsageError, match=r"door7\.json is not a state"):
            read_memory(content, source="door7.json")

    def test_an_anchor_that_is_no_certificate(self) -> None:
        with pytest.raises(UsageError, match="not a state"):
            read_memory(write_memory(DeviceMemory(b"\x30\x00", NOW)), source="x")

    def test_the_format_is_looked_at(self) -> None:
        content = write_memory(DeviceMemory()).replace(b"virtual-lock/1", b"virtual-lock/2")
        with pytest.raises(UsageError):
            read_memory(content, source="x")


class TestFirmware:
    """Each switch changes what is accepted, beside the device that does not have it."""

    def outcome(self, firmware: Firmware, built: BuiltChain | None = None, **parts: ssl.SSLContext) -> bool:
        chain, key = (built.chain, built.server_key) if built else (None, None)
        with host(chain, key, **parts) as target:
            return accepted(list(lock_at(target, firmware=firmware).run(Trigger.COMMISSIONING, NOW)))

    def test_counting_pem(self) -> None:
        chain, key = Recipe(padding_bytes=900).build()
        assert len(encodings.pem(chain)) > 4096 > sum(len(encodings.der(each)) for each in chain)
        for counts_pem, expected in ((False, True), (True, False)):
            with host(chain, key) as target:
                lock = lock_at(target, firmware=Firmware(counts_pem=counts_pem))
                assert accepted(list(lock.run(Trigger.COMMISSIONING, NOW))) is expected

    @pytest.mark.parametrize("common_name", ["127.0.0.1", "other.example.org"])
    def test_reading_the_common_name(self, common_name: str) -> None:
        chain, key = Recipe(server_san=None, server_common_name=common_name).build()
        for reads, expected in ((False, False), (True, common_name == "127.0.0.1")):
            with host(chain, key) as target:
                lock = lock_at(target, firmware=Firmware(reads_common_name=reads))
                assert accepted(list(lock.run(Trigger.COMMISSIONING, NOW))) is expected

    def test_the_common_name_does_not_count_beside_a_san(self) -> None:
        chain, key = Recipe(server_san=(), server_common_name="127.0.0.1").build()
        with host(chain, key) as target:
            lock = lock_at(target, firmware=Firmware(reads_common_name=True))
            assert not accepted(list(lock.run(Trigger.COMMISSIONING, NOW)))

    def test_a_wrong_clock(self) -> None:
        assert self.outcome(Firmware(clock_error=LATE)), "what is built is backdated by a week"
        assert not self.outcome(Firmware(clock_error=timedelta(days=-8)))
        assert self.outcome(Firmware(clock_error=timedelta(days=-8), checks_dates=False))
        assert not self.outcome(Firmware(clock_error=timedelta(days=1000)))

    @pytest.mark.parametrize("version", list(TlsVersion))
    def test_tls_versions(self, version: TlsVersion) -> None:
        built = good_chain()
        context = tls_context(built.chain.sent, built.server_key)
        served = ssl.TLSVersion(version.value)
        with pytest.warns(DeprecationWarning) if version.value < 0x0303 else _nothing():
            context.minimum_version = context.maximum_version = served
        exactly = Firmware(oldest_tls=version, newest_tls=version)
        assert self.outcome(exactly, context=context)
        other = TlsVersion.TLS_1_2 if version is TlsVersion.TLS_1_3 else TlsVersion.TLS_1_3
        assert not self.outcome(Firmware(oldest_tls=other, newest_tls=other), context=context)

    def test_ciphers(self) -> None:
        built = good_chain()
        context = tls_context(built.chain.sent, built.server_key)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA")
        assert self.outcome(Firmware(ciphers="AES128-SHA"), context=context)
        assert not self.outcome(Firmware(ciphers="ECDHE-RSA-AES128-GCM-SHA256"), context=context)

    def test_server_name(self) -> None:
        for sends in (True, False):
            seen: list[str | None] = []
            built = good_chain()
            context = tls_context(built.chain.sent, built.server_key)
            context.sni_callback = lambda _s, name, _c, seen=seen: seen.append(name)
            with host(context=context) as target:
                lock = lock_at(replace(target, host="localhost"), firmware=Firmware(sends_server_name=sends))
                assert accepted(list(lock.run(Trigger.COMMISSIONING, NOW)))
            assert seen == (["localhost"] if sends else [None])


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class TestTryAll:
    """Which kinds of device would be lost."""

    def lost(self, chain: Chain | None = None, key: rsa.RSAPrivateKey | None = None) -> list[str]:
        with host(chain, key) as target:
            base = Firmware()
            return [loss.who for loss in losses(try_all(target, SITE_KEY, LIMITS, base, NOW, None), base)]

    def test_every_question_is_asked_both_ways(self) -> None:
        kinds = all_kinds(Firmware())
        assert len(set(kinds)) == 2 ** len(QUESTIONS)

    def test_a_right_host_loses_none(self) -> None:
        assert self.lost() == []

    def test_a_chain_that_is_long_as_pem(self) -> None:
        assert self.lost(*Recipe(padding_bytes=900).build()) == ["devices that measure the chain as PEM"]

    def test_a_chain_without_san(self) -> None:
        found = self.lost(*Recipe(server_san=None, server_common_name="127.0.0.1").build())
        assert found == ["devices that read only the SAN"]

    def test_a_chain_that_is_not_backdated(self) -> None:
        found = self.lost(*Recipe(server_from=NOW - timedelta(days=1)).build())
        assert found == ["devices that have a clock that is three days behind"]

    def test_a_broken_chain_loses_all(self) -> None:
        assert self.lost(*Recipe(intermediate_ca=False).build()) == ["every device"]
