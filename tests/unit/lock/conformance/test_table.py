"""The conformance table: our pair passes (end_to_end), the vendor's sample fails for the right reasons."""

import json
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from engage_server.lock.conformance.fixes import FIXES
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.conformance.report import as_json, as_junit, told
from engage_server.lock.conformance.requirement import Certainty, Outcome, Requirement, tried
from engage_server.lock.conformance.table import REQUIREMENTS, conformance
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.target import Target
from engage_server.pki import encodings
from tests.support.chains import SITE_KEY, good_chain
from tests.support.hosts import Answer, answer, certificate_host, serving, tls_context
from tests.support.vendor_sample import Mended, vendor_sample

LIMITS = DeviceLimits(seconds=1)


@pytest.fixture(autouse=True)
def _bytes_come_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte a millisecond is slow enough for a host here, and a whole table then takes no second."""
    monkeypatch.setattr("engage_server.lock.conformance.http_requirements._PAUSE", 0.001)


def outcomes_of(target: Target) -> dict[str, Outcome]:
    """Every row's outcome by its code."""
    return {each.requirement.code: each for each in conformance(ProbedHost(target, SITE_KEY, LIMITS))}


def failing(outcomes: dict[str, Outcome]) -> set[str]:
    return {code for code, outcome in outcomes.items() if not outcome.passed}


def test_every_row_has_a_fix() -> None:
    assert {each.code for each in REQUIREMENTS} == set(FIXES)


def test_a_row_that_fails_names_its_fix() -> None:
    """Also where the check knows nothing better: the fault is in the host, and its author reads this alone."""
    compact = Requirement("notice.form", "x", Certainty.VENDOR, _refuse)
    shown = told(tried(compact, ProbedHost(Target("127.0.0.1"), SITE_KEY, LIMITS)), lambda text, _: text)
    assert "seen: it is not compact" in shown
    assert f"fix: {FIXES['notice.form']}" in shown


def _refuse(_: ProbedHost) -> str:
    raise DeviceRefusal("it is not compact")


class TestVendorSample:
    """Its known faults, each seen as what it is, and gone when it is mended."""

    def test_as_the_page_has_it(self, tmp_path: Path) -> None:
        with vendor_sample(tmp_path, Mended()) as target:
            found = outcomes_of(target)
        assert failing(found) == {
            "notice.type",
            *("tls.sends_all", "tls.leads_to_anchor", "tls.without_server_name", "tls.tolerates_clock"),
            *("tls.name", "tls.answers", "tls.keeps_alive"),
        }
        assert "text/html" in found["notice.type"].seen
        assert "the last of 1 certificates sent" in found["tls.sends_all"].seen
        assert "neither sent nor the trust anchor" in found["tls.leads_to_anchor"].seen
        assert "it has no subject alternative name" in found["tls.name"].seen

    def test_the_intermediate_that_is_no_ca(self, tmp_path: Path) -> None:
        with vendor_sample(tmp_path, Mended(whole_chain_sent=True)) as target:
            found = outcomes_of(target)
        assert found["tls.sends_all"].passed
        assert "CA:FALSE" in found["tls.leads_to_anchor"].seen

    def test_a_hash_of_the_pem(self, tmp_path: Path) -> None:
        with vendor_sample(tmp_path, Mended(hash=False)) as target:
            found = outcomes_of(target)
        assert not found["der.hash"].passed
        assert found["notice.hash"].passed

    def test_mended(self, tmp_path: Path) -> None:
        with vendor_sample(tmp_path, Mended(content_type=True, chain=True, whole_chain_sent=True)) as target:
            assert failing(outcomes_of(target)) == set()


ROOT_DER = encodings.der(good_chain().chain.root)


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        ("notice.status", b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"),
        ("notice.version", b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
        ("notice.length", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        ("notice.length", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        ("notice.length", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"),
        ("notice.form", answer(b'{"hash": "x", "cert_url": "http://x/"}', "application/json")),
        ("notice.form", answer(b"[" * 4000, "application/json")),
        ("notice.url", answer(b'{"cert_url":"https://x/a.der","hash":"x"}', "application/json")),
        ("notice.url", answer(b'{"cert_url":"http://x/' + b"a" * 250 + b'","hash":"x"}', "application/json")),
        ("notice.hash", answer(b'{"cert_url":"http://x/a.der","hash":"c0ffee"}', "application/json")),
        ("http.unknown_path", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        ("der.status", answer(b'{"cert_url":"http://127.0.0.9/a.der","hash":"x"}', "application/json")),
        ("notice.status", b"\x15\x03\x01\x00\x02\x02\x46"),
    ],
)
def test_each_fault_is_seen(code: str, raw: bytes) -> None:
    with serving(lambda _: lambda _: raw) as plain:
        found = outcomes_of(Target("127.0.0.1", plain.port, 1))
        assert code in failing(found)
        assert {name for name in found if name.startswith("tls.")} <= failing(found)
        hosts = {
            line.split(" ")[1]
            for request in plain.requests
            for line in request.split("\r\n")
            if line.startswith("Host")
        }
        assert hosts == {f"127.0.0.1:{plain.port}"}, "no other host is called, whatever cert_url says"


@pytest.mark.parametrize(
    ("code", "der"),
    [
        ("der.type", answer(ROOT_DER, "application/x-x509-ca-cert")),
        ("der.length", b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n" + ROOT_DER),
        ("der.form", answer(encodings.pem([good_chain().chain.root]), "application/octet-stream")),
        ("der.hash", answer(ROOT_DER + b"\x00", "application/octet-stream")),
        ("http.small_head", answer(ROOT_DER, "application/octet-stream\r\nX-Long: " + "x" * 2000)),
    ],
)
def test_each_fault_of_the_download_is_seen(code: str, der: bytes) -> None:
    right_host = certificate_host(ROOT_DER, SITE_KEY)

    def on_port(port: int) -> Answer:
        notice = right_host(port)
        return lambda path: der if path.startswith("/certificates/") else notice(path)

    with serving(on_port) as plain:
        found = outcomes_of(Target("127.0.0.1", plain.port, 1))
    assert not found[code].passed, found[code]
    assert found["notice.status"].passed
    assert found["notice.form"].passed


def test_a_tls_host_that_does_not_fit_the_notice() -> None:
    other = good_chain("other")
    right_host = certificate_host(ROOT_DER, SITE_KEY)
    context = tls_context(other.chain.sent, other.server_key)
    with serving(right_host) as plain, serving(lambda _: right_host(plain.port), context) as secure:
        found = outcomes_of(Target("127.0.0.1", plain.port, secure.port))
    assert not found["tls.leads_to_anchor"].passed
    assert found["tls.name"].passed
    assert found["tls.1_2"].passed


def test_reports(tmp_path: Path) -> None:
    with vendor_sample(tmp_path, Mended()) as target:
        outcomes = list(outcomes_of(target).values())
    report = json.loads(as_json(outcomes, "http://h"))
    assert report["failed"] == len([row for row in report["rows"] if not row["passed"]]) > 0
    suite = Tree.fromstring(as_junit(outcomes, "http://h")).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == str(report["failed"])
    text = "".join(told(outcome, lambda words, _colour: words) for outcome in outcomes)
    assert text.count("FAIL") == report["failed"]
    assert text.count("pass ") >= len(REQUIREMENTS) - report["failed"]


def test_codes_are_unique() -> None:
    assert len({each.code for each in REQUIREMENTS}) == len(REQUIREMENTS)
