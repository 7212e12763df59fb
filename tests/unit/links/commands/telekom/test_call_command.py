"""``engage telekom call``: what the portal gets, and which answers are accepted."""

import datetime as dt
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from engage_server.links.telekom.messages.signing import sign
from engage_server.links.telekom.messages.verifying import verify
from engage_server.links.telekom.notifications.answers import fault
from tests.support.chains import good_chain
from tests.support.commands import engage, ok
from tests.support.hidden import run_without
from tests.support.signed_messages import one, soap
from tests.support.telekom_links import API_KEY, ICCID, SENDER, parties, trust_in, write_links
from tests.support.telekom_portal import MON, USAGE, PretendedPortal, pretended_portal

TODAY = dt.datetime.now(dt.UTC)
PORTAL, US = parties(TODAY)
CALL = ("telekom", "call", "--environment", "ta", "--wsdl", MON, "--operation", "SIMUsageGet")
ASKED = f"iccid={ICCID}"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def usage(_body: bytes, _path: str) -> tuple[int, bytes]:
    return 200, sign(soap(USAGE), PORTAL, now())


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PretendedPortal]:
    with pretended_portal(tmp_path, usage) as running:
        write_links(tmp_path, TODAY, telekom_port=running.port)
        yield running


def failed(folder: Path, status: int, *more: object) -> str:
    done: subprocess.CompletedProcess[str] = engage(folder, *CALL, *(more or (ASKED,)))
    assert done.returncode == status, done.stderr
    assert API_KEY not in done.stdout + done.stderr
    assert SENDER not in done.stdout + done.stderr
    return done.stderr


def test_the_portal_gets_a_signed_call_with_key_and_sender(tmp_path: Path, portal: PretendedPortal) -> None:
    shown = ok(engage(tmp_path, *CALL, ASKED, "contact.mail=a@example.org"))
    assert "SIMUsageResponse/megabytes = 17" in shown
    ((path, action, content),) = portal.got
    assert (path, action) == ("/M2MMon", '"urn:example:SIMUsageGet"')
    (asked,) = verify(content, trust_in(US), now()).body
    assert [etree.QName(child).localname for child in asked] == ["M2MApiKey", "iccid", "contact"]
    assert (asked[0].text, asked[1].text, asked[2][0].text) == (API_KEY, ICCID, "a@example.org")
    sender = one(etree.fromstring(content), "{urn:example:soa}Sender")
    assert sender[0].text == SENDER
    assert sender[0].tag == "{urn:example:soa}Id"


def test_the_answer_as_json(tmp_path: Path, portal: PretendedPortal) -> None:
    found = json.loads(ok(engage(tmp_path, *CALL, ASKED, "--json")))
    assert found["messages"] == ["SIMUsageResponse"]
    assert found["texts"] == [{"path": "SIMUsageResponse/megabytes", "text": "17"}]


def test_an_answer_of_a_stranger_is_not_accepted(tmp_path: Path, portal: PretendedPortal) -> None:
    portal.answer = lambda _body, _path: (200, sign(soap(USAGE), US, now()))
    assert "error [wsse.token_not_pinned]" in failed(tmp_path, 1)
    portal.answer = lambda _body, _path: (200, sign(soap(USAGE), PORTAL, now() - dt.timedelta(minutes=10)))
    assert "error [wsse.stale]" in failed(tmp_path, 1)
    portal.answer = lambda _body, _path: (200, soap(USAGE))
    assert "error [wsse.header]" in failed(tmp_path, 1)


def test_a_fault_counts_only_if_it_is_signed(tmp_path: Path, portal: PretendedPortal) -> None:
    refused = etree.tostring(fault("Client", "no such card")).decode()
    portal.answer = lambda _body, _path: (500, sign(soap(refused), PORTAL, now()))
    assert "error [telekom.fault]: the portal refused the call: no such card" in failed(tmp_path, 1)
    portal.answer = lambda _body, _path: (500, soap(refused))
    assert "(wsse.header); not signed, it says: no such card" in failed(tmp_path, 3)
    portal.answer = lambda _body, _path: (502, b"<html>")
    assert "error [telekom.unsigned_answer]: the portal answered 502" in failed(tmp_path, 3)


def test_tls_is_verified(tmp_path: Path, portal: PretendedPortal) -> None:
    stranger = good_chain("another")
    (tmp_path / "telekom-ssl.pem").write_bytes(stranger.chain.root.public_bytes(Encoding.PEM))
    assert "error [upstream.silent]" in failed(tmp_path, 3)
    text = (tmp_path / "links.toml").read_text()
    (tmp_path / "links.toml").write_text(text.replace('telekom_ssl_certificate_file = "telekom-ssl.pem"\n', ""))
    assert "error [upstream.silent]" in failed(tmp_path, 3), "the CAs of this machine do not know it"
    assert portal.got == []


def test_the_server_certificate_itself_may_be_the_one_to_trust(tmp_path: Path, portal: PretendedPortal) -> None:
    """Items A and C of the exchange sheet are certificates of servers, not of CAs."""
    (tmp_path / "telekom-ssl.pem").write_bytes(good_chain("the portal").chain.server.public_bytes(Encoding.PEM))
    ok(engage(tmp_path, *CALL, ASKED))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("iccid",), "'iccid' is no parameter"),
        (("x=1",), "the parameters do not fit SIMUsageGet"),
        (("period=1",), "the parameters do not fit SIMUsageGet"),
        ((ASKED, "M2MApiKey=1"), "the parameter M2MApiKey is given twice"),
        ((ASKED, "contact=1", "contact.mail=2"), "has a value and parameters"),
        ((ASKED, "--operation", "Other"), "has no operation Other"),
        ((ASKED, "--wsdl", "telekom-ssl.pem", "--service", "m2mmon"), "zeep cannot read this WSDL"),
        ((ASKED, "--wsdl", "telekom-ssl.pem"), "does not say which service it is of"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, portal: PretendedPortal, given: tuple[str, ...], said: str) -> None:
    assert said in failed(tmp_path, 2, *given)
    assert portal.got == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('api_key_path = "Body/*/M2MApiKey"\n', "", "the key api_key_path is missing"),
        ('m2mmon_url = "https', 'm2mmon_url = "http', "m2mmon_url: it must begin with https://"),
        ("m2mmon_url", "m2mmon_uri", "Did you mean m2mmon_url?"),
    ],
)
def test_what_links_toml_must_say(tmp_path: Path, portal: PretendedPortal, old: str, new: str, said: str) -> None:
    text = (tmp_path / "links.toml").read_text()
    (tmp_path / "links.toml").write_text(text.replace(old, new))
    assert said in failed(tmp_path, 2)


def test_a_wsdl_fetches_nothing(tmp_path: Path, portal: PretendedPortal) -> None:
    wsdl = tmp_path / "M2MMon.wsdl"
    imported = f'<import namespace="urn:x" location="https://localhost:{portal.port}/x.wsdl"/><types>'
    wsdl.write_text(MON.read_text().replace("<types>", imported, 1))
    assert "zeep cannot read this WSDL" in failed(tmp_path, 2, ASKED, "--wsdl", wsdl)
    assert portal.got == []


def test_a_wsdl_reads_only_what_lies_beside_it(tmp_path: Path, portal: PretendedPortal) -> None:
    (tmp_path / "wsdl").mkdir()
    for name, where in (("inside.xsd", "inside.xsd"), ("outside.xsd", "../outside.xsd")):
        (tmp_path / "wsdl" / where).write_text(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"/>'
        )
        wsdl = tmp_path / "wsdl" / "M2MMon.wsdl"
        begin = '<xs:schema targetNamespace="urn:example:m2m:mon" elementFormDefault="qualified">'
        imported = f'{begin}<xs:import namespace="urn:x" schemaLocation="{where}"/>'
        assert begin in MON.read_text()
        wsdl.write_text(MON.read_text().replace(begin, imported))
        if name == "inside.xsd":
            ok(engage(tmp_path, *CALL, ASKED, "--wsdl", wsdl))
        else:
            assert "only files beside it are read" in failed(tmp_path, 2, ASKED, "--wsdl", wsdl)


@pytest.mark.parametrize("content", [b"\xc3\xa9", b"a\x01b", b"\xff"])
def test_a_key_that_no_element_can_hold(tmp_path: Path, portal: PretendedPortal, content: bytes) -> None:
    (tmp_path / "k.secret").write_bytes(content)
    assert "k.secret: it holds other characters than ASCII" in failed(tmp_path, 2)


def test_without_zeep_it_says_what_to_install(tmp_path: Path, portal: PretendedPortal) -> None:
    (done,) = run_without(["zeep"], [], tmp_path, (*CALL, ASKED))
    assert done.status == 3
    assert "next: pip install 'engage-server[telekom-wsdl] @ PATH_OR_URL_OF_THE_REPOSITORY'" in done.err
