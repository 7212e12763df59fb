"""Signed messages and strangers: WSS4J as Telekom's side in both directions, xmlsec1, and npm's soap."""

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.signing import Signer, sign
from engage_server.links.telekom.messages.verifying import Trust, verify
from engage_server.pki.keys import private_key_pem
from tests.support.chains import key
from tests.support.commands import engage, ok
from tests.support.signed_messages import NOTIFICATION, certificate, changed, one, soap
from tests.support.telekom_links import write_links
from tests.support.telekom_portal import MON, USAGE, pretended_portal
from tests.support.wss4j import Wss4j, wss4j

# strangers ask the clock of this machine, so these messages are of now
TODAY = dt.datetime.now(dt.UTC).replace(microsecond=0)
PORTAL = Signer(key(0), certificate(key(0), "the portal", TODAY - dt.timedelta(2)))
US = Signer(key(1), certificate(key(1), "us", TODAY - dt.timedelta(2)))
IN_THE_PORTAL = Trust((PORTAL.certificate,))


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wss4j]:
    with wss4j(PORTAL, US, tmp_path_factory.mktemp("wss4j")) as judge:
        yield judge


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def moved_body(root: etree._Element) -> None:
    """The signed Body goes into the Header; a forged one takes its place."""
    real = next(each for each in root if each.tag == names.BODY)
    root.append(etree.fromstring(soap("<forged/>"))[0])
    etree.SubElement(root[0], "Wrap").append(real)


def one_byte(root: etree._Element) -> None:
    for element in one(root, names.BODY).iter("{urn:example:m2m:adm}state"):
        element.text = "STOLEN"


def test_what_wss4j_signs_is_accepted(portal: Wss4j) -> None:
    content = portal.sign(soap())
    assert b"InclusiveNamespaces" in content
    assert verify(content, IN_THE_PORTAL, now()).body[0].tag == "{urn:example:m2m:adm}M2MAdmResponse"
    with pytest.raises(MessageRefused) as refused:
        verify(changed(one_byte, content), IN_THE_PORTAL, now())
    assert refused.value.code == "wsse.signature_wrong"


def test_what_wss4j_signs_for_ten_minutes_is_refused(portal: Wss4j) -> None:
    with pytest.raises(MessageRefused) as refused:
        verify(portal.sign(soap(), 600), IN_THE_PORTAL, now())
    assert refused.value.code == "wsse.lifetime"


def test_wss4j_accepts_what_we_sign(portal: Wss4j) -> None:
    content = sign(soap(), US, now())
    assert sorted(path.rpartition("/")[2].rpartition(":")[2] for path in portal.verify(content)) == [
        "Body",
        "Timestamp",
    ]
    assert portal.verify(changed(one_byte, content)) == []
    assert portal.verify(sign(soap(), PORTAL, now())) == [], "another certificate than the trusted one"
    assert portal.verify(sign(soap(), US, now() - dt.timedelta(seconds=600))) == [], "it has expired"


def test_wss4j_alone_would_accept_a_moved_body(portal: Wss4j) -> None:
    """The contrast: it says where the signed Body lies, and leaves the rest to the caller. We refuse it."""
    content = changed(moved_body, sign(soap(), US, now()))
    assert any("Wrap" in path for path in portal.verify(content))
    with pytest.raises(MessageRefused):
        verify(content, Trust((US.certificate,)), now())


def test_signxml_alone_would_accept_a_moved_or_old_message() -> None:
    old = TODAY - dt.timedelta(seconds=600)
    for content in (sign(soap(), US, old), changed(moved_body, sign(soap(), US, old))):
        found = XMLVerifier().verify(
            content,
            x509_cert=US.certificate,
            id_attribute="Id",
            expect_config=SignatureConfiguration(expect_references=True),
        )
        assert isinstance(found, list)
        with pytest.raises(MessageRefused):
            verify(content, Trust((US.certificate,)), now())


def xmlsec1(content: bytes, folder: Path) -> bool:
    if shutil.which("xmlsec1") is None:
        pytest.skip("xmlsec1 is not here: apt-get install xmlsec1")
    (folder / "message.xml").write_bytes(content)
    (folder / "us.pem").write_bytes(US.certificate.public_bytes(Encoding.PEM))
    ids = [f"--id-attr:Id {name}" for name in (f"{names.SOAP}:Body", f"{names.WSU}:Timestamp")]
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", "us.pem", *" ".join(ids).split(), "message.xml"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_xmlsec1_accepts_what_we_sign(tmp_path: Path) -> None:
    content = sign(soap(), US, now())
    assert xmlsec1(content, tmp_path)
    assert not xmlsec1(changed(one_byte, content), tmp_path)
    assert xmlsec1(changed(moved_body, content), tmp_path), "the contrast: it asks for the signature alone"


NODE_SOAP = Path(__file__).parents[2] / ".venv" / "share" / "node-soap"


def node_soap(folder: Path) -> bytes:
    """A message as npm's soap signs it. It wants the prefix ``soap``, and a Header."""
    if not (NODE_SOAP / ".installed").exists() or shutil.which("node") is None:
        pytest.skip("npm's soap is not here: scripts/test installs it where npm is")
    inner = f"<soap:Header></soap:Header><soap:Body>{NOTIFICATION}</soap:Body>"
    (folder / "call.xml").write_text(f'<soap:Envelope xmlns:soap="{names.SOAP}">{inner}</soap:Envelope>')
    (folder / "key.pem").write_bytes(private_key_pem(PORTAL.key).reveal())
    (folder / "portal.pem").write_bytes(PORTAL.certificate.public_bytes(Encoding.PEM))
    script = Path(__file__).parents[1] / "support" / "node_soap" / "sign.js"
    files = [str(folder / name) for name in ("call.xml", "key.pem", "portal.pem")]
    done = subprocess.run(["node", str(script), *files], cwd=NODE_SOAP, capture_output=True, check=True)
    return done.stdout


def test_npm_soap_signs_for_ten_minutes_and_is_refused(tmp_path: Path) -> None:
    content = node_soap(tmp_path)
    found = XMLVerifier().verify(
        content,
        x509_cert=PORTAL.certificate,
        id_attribute="Id",
        expect_config=SignatureConfiguration(expect_references=True),
    )
    assert isinstance(found, list), "the contrast: its signature is right"
    with pytest.raises(MessageRefused) as refused:
        verify(content, IN_THE_PORTAL, now())
    assert refused.value.code == "wsse.lifetime"


def test_wss4j_answers_a_call(portal: Wss4j, tmp_path: Path) -> None:
    """The Java side verifies our call, and signs the answer that we accept."""
    verdicts: list[int] = []

    def answer(body: bytes, _path: str) -> tuple[int, bytes]:
        verdicts.append(len(portal.verify(body)))
        return 200, portal.sign(soap(USAGE))

    with pretended_portal(tmp_path, answer) as server:
        write_links(tmp_path, TODAY, telekom_port=server.port)
        (tmp_path / "own.pem").write_bytes(US.certificate.public_bytes(Encoding.PEM))
        (tmp_path / "telekom.pem").write_bytes(PORTAL.certificate.public_bytes(Encoding.PEM))
        asked = ("--environment", "ta", "--wsdl", MON, "--operation", "SIMUsageGet", "iccid=8949020000001234567")
        assert "megabytes = 17" in ok(engage(tmp_path, "telekom", "call", *asked))
    assert verdicts == [2]
