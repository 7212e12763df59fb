"""The virtual lock refuses what a device refuses: each fault alone, over real sockets, beside what it accepts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import NotPossible, UsageError
from engage_server.lock.firmware import Firmware, TlsVersion
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.step import Step
from engage_server.lock.target import Target, read_serial
from engage_server.lock.transport.download import Notice, download, get
from engage_server.lock.virtual_lock import Trigger, VirtualLock
from engage_server.pki import encodings
from engage_server.pki.chain import Chain
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Host, Secret
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY, SITE_KEY, Recipe, good_chain
from tests.support.hosts import Answer, answer, certificate_host, serving, tls_context

LIMITS = DeviceLimits(seconds=3)
LIKELY = Firmware()
ROOT = good_chain().chain.root
DER = encodings.der(ROOT)
GOOD = certificate_host(DER, SITE_KEY)
NOTICE_TYPE, DER_TYPE = "application/json", "application/octet-stream"


def fetch(target: Target, key: Secret, limits: DeviceLimits, serial: str | None = None) -> Iterator[Step]:
    """A lock's first night."""
    return VirtualLock(target, key, limits, Firmware(), serial).run(Trigger.COMMISSIONING, NOW)


def steps_against(
    http: Answer | None = None,
    *,
    chain: Chain | None = None,
    sent: tuple[x509.Certificate, ...] | None = None,
    server_key: rsa.RSAPrivateKey | None = None,
    anchor: x509.Certificate | None = None,
    limits: DeviceLimits = LIMITS,
    firmware: Firmware = LIKELY,
    https: Answer | None = None,
    host: str = "127.0.0.1",
) -> list[Step]:
    """What a lock tells of a host with the given parts; the rest is right."""
    built = good_chain()
    chain = chain or built.chain
    der = encodings.der(anchor or chain.root)
    context = tls_context(sent if sent is not None else chain.sent, server_key or built.server_key)
    with (
        serving((lambda _: http) if http else certificate_host(der, SITE_KEY)) as plain,
        serving((lambda _: https) if https else (lambda _: GOOD(plain.port)), context) as secure,
    ):
        lock = VirtualLock(Target(host, plain.port, secure.port), SITE_KEY, limits, firmware)
        return list(lock.run(Trigger.COMMISSIONING, NOW))


def test_a_right_host_is_accepted() -> None:
    steps = steps_against()
    assert [step.name for step in steps] == ["notice", "download", "hash", "anchor", "tls", "request"]
    assert all(step.ok for step in steps)


def test_what_a_device_sends() -> None:
    serial = "FBEFBEFBEFBEFBEFBEFBEFBEFBEFBEFB"
    with serving(GOOD) as host:
        for _ in fetch(Target("127.0.0.1", host.port, 1), SITE_KEY, LIMITS, serial):
            if len(host.requests) == 2:
                break
    asked = host.requests[0]
    assert asked.startswith(f"GET /swordfish/lock/certificates/current?serialNumber={encode_serial(serial)}&")
    assert f"Host: 127.0.0.1:{host.port}\r\n" in asked
    assert "hashType=primary&v=2 HTTP/1.1" in asked


def _refused_at(steps: list[Step], name: str, *words: str) -> None:
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert steps[-1].name == name, steps[-1]
    for word in words:
        assert word in steps[-1].sentence + steps[-1].next_step, steps[-1]


NOTICE = b'{"cert_url":"http://127.0.0.1:1/x.der","hash":"x"}'


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (answer(NOTICE, NOTICE_TYPE, "HTTP/1.0 200 OK"), "not HTTP/1.1"),
        (answer(NOTICE, NOTICE_TYPE).replace(b"Content-Length", b"content-length"), "has content-length"),
        (answer(NOTICE, NOTICE_TYPE).replace(b"Content-Length", b"Content-length"), "has Content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + NOTICE, "has none"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + NOTICE + b"\r\n0\r\n\r\n", "chunked"),
        (answer(b"", NOTICE_TYPE, "HTTP/1.1 301 Moved Permanently"), "not follow redirects"),
        (answer(b"", NOTICE_TYPE, "HTTP/1.1 308 Permanent Redirect"), "not follow redirects"),
        (answer(b"", NOTICE_TYPE, "HTTP/1.1 404 Not Found"), "404"),
        (answer(b"", NOTICE_TYPE, "HTTP/1.1 503 Service Unavailable"), "no release"),
        (answer(NOTICE, "text/html; charset=utf-8"), "text/html"),
        (answer(NOTICE, NOTICE_TYPE) + b"more", "more bytes follow than"),
        (answer(NOTICE, NOTICE_TYPE)[:-5], "of 50 bytes"),
        (answer(b"x" * 5000, NOTICE_TYPE), "devices accept at most 4096"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 9000, "header block"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "5, 6"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "-1"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP/1.1"),
        (b"", "no answer"),
        (b"HTTP/1.1 200", "unfinished header"),
        (answer(b"None", NOTICE_TYPE), "not JSON"),
        (answer(b"{}", NOTICE_TYPE), "not JSON with"),
        (answer(b'{"cert_url":1,"hash":2}', NOTICE_TYPE), "not both strings"),
        (answer(NOTICE.replace(b"http:", b"https:"), NOTICE_TYPE), "only use http://"),
        (answer(NOTICE.replace(b"/x.der", b"/" + b"x" * 300), NOTICE_TYPE), "devices read 256"),
    ],
)
def test_notices_that_a_device_drops(raw: bytes, word: str) -> None:
    _refused_at(steps_against(lambda _: raw), "notice", word)


def test_a_host_in_cert_url_that_is_not_there_is_said_to_be_from_the_notice() -> None:
    """The reader named another host, and would look for a slip in what they wrote."""
    notice = Notice("http://nowhere.invalid/certificates/x.der", "")
    with pytest.raises(NotPossible, match=r"http://nowhere\.invalid:80: .*; the notice's cert_url names") as raised:
        download(notice, LIMITS)
    assert "cert_url" in raised.value.next_step
    with pytest.raises(NotPossible) as raised:
        get("nowhere.invalid", 80, "/", LIMITS)
    assert "cert_url" not in raised.value.sentence


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (answer(DER, "application/x-x509-ca-cert"), "application/x-x509-ca-cert"),
        (answer(DER, DER_TYPE).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1), "compressed"),
        (answer(DER, DER_TYPE, "HTTP/1.1 404 Not Found"), "404"),
    ],
)
def test_downloads_that_a_device_drops(raw: bytes, word: str) -> None:
    with serving(lambda port: lambda path: raw if path.startswith("/certificates/") else GOOD(port)(path)) as host:
        _refused_at(list(fetch(Target("127.0.0.1", host.port, 1), SITE_KEY, LIMITS)), "download", word)


def _install(der: bytes) -> list[Step]:
    with serving(certificate_host(der, SITE_KEY)) as host:
        steps = []
        try:
            for step in fetch(Target("127.0.0.1", host.port, 1), SITE_KEY, LIMITS):
                steps.append(step)
        except NotPossible:  # no TLS port here: the anchor was taken
            assert steps[-1].name == "anchor"
        return steps


def test_bytes_that_are_no_anchor() -> None:
    assert all(step.ok for step in _install(DER))
    _refused_at(_install(encodings.pem([ROOT])), "hash", "not a DER certificate")
    _refused_at(_install(b""), "hash", "not a DER certificate")
    _refused_at(_install(encodings.der(Recipe(server_key_bits=3072).build()[0].server)), "hash", "3072 bits")
    _refused_at(_install(encodings.der(Recipe(server_ec_key=True).build()[0].server)), "hash", "not RSA")


def test_another_site_key() -> None:
    with serving(certificate_host(DER, OTHER_SITE_KEY)) as host:
        _refused_at(list(fetch(Target("127.0.0.1", host.port, 1), SITE_KEY, LIMITS)), "hash", "site key")


class TestTls:
    """The chain that is presented, and the anchor alone to trust."""

    def test_the_leaf_alone(self) -> None:
        _refused_at(steps_against(sent=(good_chain().chain.server,)), "tls", "neither sent nor the trust anchor")

    def test_another_root(self) -> None:
        _refused_at(
            steps_against(anchor=good_chain("other").chain.root), "tls", "does not end at the distributed certificate"
        )

    def test_a_sent_root_changes_nothing(self) -> None:
        assert all(step.ok for step in steps_against(sent=(*good_chain().chain.sent, ROOT)))

    def test_an_intermediate_as_anchor_needs_a_partial_chain(self) -> None:
        intermediate = good_chain().chain.intermediates[0]
        _refused_at(steps_against(anchor=intermediate), "tls", "--partial-chain")
        partial = Firmware(accepts_partial_chain=True)
        assert all(step.ok for step in steps_against(anchor=intermediate, firmware=partial)[:5])

    @pytest.mark.parametrize(
        ("recipe", "word"),
        [
            (Recipe(intermediate_ca=False), "not a CA"),
            (Recipe(server_signed_by_stranger=True), "signed with its issuer"),
            (Recipe(server_san=None), "not for 127.0.0.1"),
            (Recipe(server_san=(Host("localhost"), Host("10.0.0.1"))), "localhost, 10.0.0.1"),
            (Recipe(padding_bytes=3000), "devices accept at most 4096"),
            (Recipe(server_key_bits=3072), "3072 bits"),
            (Recipe(intermediate_key_bits=3072), "3072 bits"),
            (Recipe(root_path_length=0), "path length"),
            (Recipe(server_usage=x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")), "TLS server"),
        ],
    )
    def test_chains_that_a_device_refuses(self, recipe: Recipe, word: str) -> None:
        chain, server_key = recipe.build()
        _refused_at(steps_against(chain=chain, server_key=server_key), "tls", word)

    @pytest.mark.parametrize("newest", [TlsVersion.TLS_1_2, TlsVersion.TLS_1_3])
    @pytest.mark.parametrize(
        ("recipe", "finishes"),
        [
            (Recipe(), True),
            (Recipe(server_san=(Host("localhost"),)), False),
            (Recipe(padding_bytes=3000), False),
            (Recipe(server_key_bits=3072), False),
        ],
    )
    def test_the_host_sees_that_it_is_refused(self, recipe: Recipe, finishes: bool, newest: TlsVersion) -> None:
        """A host takes a finished handshake for a device that accepts its chain, so a refusal must come before."""
        chain, server_key = recipe.build()
        firmware = Firmware(newest_tls=newest)
        with (
            serving(certificate_host(encodings.der(chain.root), SITE_KEY)) as plain,
            serving(lambda _: GOOD(plain.port), tls_context(chain.sent, server_key)) as secure,
        ):
            target = Target("127.0.0.1", plain.port, secure.port)
            steps = list(VirtualLock(target, SITE_KEY, LIMITS, firmware).run(Trigger.COMMISSIONING, NOW))
            assert secure.handshakes.get(timeout=5) is finishes, steps[-1]
        assert steps[4].ok is finishes

    def test_exactly_the_limit(self) -> None:
        chain, server_key = Recipe(padding_bytes=500).build()
        total = sum(len(encodings.der(certificate)) for certificate in chain)
        for room, accepted in ((total, True), (total - 1, False)):
            steps = steps_against(chain=chain, server_key=server_key, limits=replace(LIMITS, chain_der_bytes=room))
            assert (len(steps) > 5) is accepted

    def test_names_and_addresses_are_not_the_same(self) -> None:
        chain, server_key = Recipe(server_san=HOSTS).build()
        for host in ("127.0.0.1", "localhost"):
            steps = steps_against(chain=chain, server_key=server_key, host=host)
            assert [step.name for step in steps][4:] == ["tls", "request"], steps[-1]
        chain, server_key = Recipe(server_san=(Host("127.0.0.1"),)).build()
        _refused_at(steps_against(chain=chain, server_key=server_key, host="localhost"), "tls", "not for localhost")

    def test_expired(self) -> None:
        from datetime import UTC, datetime, timedelta

        past = datetime.now(UTC) - timedelta(days=1)
        chain, server_key = Recipe(server_from=past - timedelta(days=9), server_until=past).build()
        _refused_at(steps_against(chain=chain, server_key=server_key), "tls", "expired")

    def test_the_answer_by_tls_is_read_as_strictly(self) -> None:
        _refused_at(steps_against(https=lambda _: answer(NOTICE, "text/html")), "request", "text/html")
        other = answer(NOTICE, NOTICE_TYPE)
        assert "another notice" in steps_against(https=lambda _: other)[-1].sentence

    def test_a_port_that_does_not_speak_tls(self) -> None:
        with serving(GOOD) as host, serving(lambda _: lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as plain:
            steps = list(fetch(Target("127.0.0.1", host.port, plain.port), SITE_KEY, LIMITS))
        _refused_at(steps, "tls")


def test_silence_is_a_matter_of_the_network() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        quick = replace(LIMITS, seconds=0.3)
        with pytest.raises(NotPossible, match=r"no answer within 0\.3 s"):
            list(fetch(Target("127.0.0.1", port, 1), SITE_KEY, quick))
        with serving(GOOD) as host, pytest.raises(NotPossible, match=r"https://127\.0\.0\.1:\d+: no answer"):
            list(fetch(Target("127.0.0.1", host.port, port), SITE_KEY, quick))
    with pytest.raises(NotPossible):
        list(fetch(Target("127.0.0.1", port, 1), SITE_KEY, LIMITS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://locks.example.org", Target("locks.example.org")),
        ("http://locks.example.org/", Target("locks.example.org")),
        ("locks.example.org:8080", Target("locks.example.org", 8080)),
        ("http://[fd00::2]:8080", Target("fd00::2", 8080)),
        ("10.0.0.1", Target("10.0.0.1")),
    ],
)
def test_addresses(text: str, expected: Target) -> None:
    assert Target.from_url(text) == expected


@pytest.mark.parametrize("text", ["", "https://x", "http://", "http://x/y", "http://x?y", "http://x:99999", "http://é"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="not the address of a host"):
        Target.from_url(text)


def test_serial_numbers_from_the_command_line() -> None:
    assert read_serial("00" * 16) == "00" * 16
    for text in ("", "00", "zz" * 16, "AAAAAAAAAACgsQAAAAACBg=="):
        with pytest.raises(UsageError, match="not a serial number"):
            read_serial(text)
