"""What the portal is answered: signed once its message is verified, a Fault of few words otherwise."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from engage_server.links.ingress.call import Answer, Call
from engage_server.links.ingress.parts import Parts
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.telekom.ingress_part import TelekomPart, read_telekom_part
from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.signing import sign
from engage_server.links.telekom.messages.verifying import verify
from engage_server.records import PathEvent, PathSays
from tests.support.signed_messages import NOTIFICATION, NOW, changed, one, soap
from tests.support.telekom_links import ICCID, links_file, parties, trust_in, write_links

PORTAL, US = parties(NOW)
XML = (("content-type", "text/xml; charset=utf-8"), ("soapaction", '""'))


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.events: list[PathEvent] = []
        self.is_full = False

    def record(self, events: Sequence[PathEvent]) -> bool:
        self.events += [] if self.is_full else events
        return not self.is_full


@pytest.fixture
def journal() -> Kept:
    return Kept()


@pytest.fixture
def part(tmp_path: Path) -> TelekomPart:
    write_links(tmp_path, NOW)
    return read_telekom_part(links_file(tmp_path))


def notification(body: str = NOTIFICATION) -> bytes:
    return sign(soap(body), PORTAL, NOW)


def call(body: bytes, path: str = "/telekom/ta/m2madmcl", fields: tuple[tuple[str, str], ...] = XML) -> Call:
    return Call("POST", path, "", fields, body, "192.0.2.7", "127.0.0.1", True, None, NOW)


@pytest.fixture
def send(part: TelekomPart, journal: Kept, tmp_path: Path) -> "Send":
    return Send(part, journal, tmp_path)


class Send:
    """The portal, calling."""

    def __init__(self, part: TelekomPart, journal: Kept, folder: Path) -> None:
        self.routes = {route.path: route for route in part.routes(Parts(journal, FileTables(folder, None), folder))}

    def __call__(self, asked: Call) -> Answer:
        return self.routes[asked.path].answer(asked, {})


def body_of(answer: Answer) -> etree._Element:
    """What the portal finds in our answer, verified as strictly as we verify it."""
    assert answer.content_type == "text/xml; charset=utf-8"
    return verify(answer.body, trust_in(US), NOW).body


def test_a_host_of_one_environment_has_its_two_addresses(send: Send) -> None:
    assert sorted(send.routes) == ["/telekom/ta/m2madmcl", "/telekom/ta/m2mmoncl"]
    assert {route.service for route in send.routes.values()} == {"telekom-ta"}
    assert {route.methods for route in send.routes.values()} == {("POST",)}


def test_a_notification_is_one_event_and_its_answer_is_signed(send: Send, journal: Kept) -> None:
    answer = send(call(notification()))
    assert answer.status == 200
    (acknowledged,) = body_of(answer)
    assert etree.QName(acknowledged).localname == "M2MAdmResponseMessage"
    assert (acknowledged[0].text, acknowledged[0].get("state")) == (ICCID, "ACTIVE")
    (event,) = journal.events
    assert (event.site, event.link, event.at, event.kind) == ("depot", "depot-sim", NOW, "telekom_notification")
    assert event.says is PathSays.NOTHING
    assert event.detail["message"] == "M2MAdmResponse"
    assert event.detail["identifiers"] == ICCID


def test_one_that_is_signed_again_is_the_same_event_and_gets_the_same_answer(send: Send, journal: Kept) -> None:
    first, second = (send(call(notification())) for _ in range(2))
    assert [event.key for event in journal.events] == [journal.events[0].key] * 2
    assert etree.tostring(body_of(first)[0]) == etree.tostring(body_of(second)[0])
    send(call(notification(NOTIFICATION.replace("ACTIVE", "CLOSED"))))
    assert journal.events[2].key != journal.events[0].key


def test_the_same_bytes_are_refused(send: Send, journal: Kept, caplog: pytest.LogCaptureFixture) -> None:
    content = notification()
    assert send(call(content)).status == 200
    again = send(call(content, "/telekom/ta/m2mmoncl"))
    assert again.status == 500
    assert len(journal.events) == 1
    assert "wsse.replayed" in caplog.text


def test_a_refusal_is_one_line_of_the_log_and_the_same_fault_for_every_reason(
    send: Send, journal: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    def stolen(root: etree._Element) -> None:
        for state in root.iter("{urn:example:m2m:adm}state"):
            state.text = "STOLEN"

    caplog.set_level(logging.INFO)
    answers = [send(call(content)) for content in (b"<a/>", changed(stolen, notification()), sign(soap(), US, NOW))]
    assert {(answer.status, answer.body) for answer in answers} == {(500, answers[0].body)}
    root = etree.fromstring(answers[0].body)
    assert one(root, f"{{{names.SOAP}}}Fault")[0].text == "soap:Client"
    assert next(root.iter(names.SIGNATURE), None) is None
    assert journal.events == []
    codes = [line.rpartition(" ")[2] for line in caplog.messages]
    assert codes == ["wsse.not_soap", "wsse.signature_wrong", "wsse.token_not_pinned"]
    assert all("192.0.2.7" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("content-type", "application/soap+xml"),),
        (("content-type", "text/xml; charset=iso-8859-1"),),
        (("content-type", "multipart/related; type=text/xml"),),
        XML * 2,
    ],
)
def test_another_type_than_soap_11_is_not_read(send: Send, fields: tuple[tuple[str, str], ...]) -> None:
    assert send(call(notification(), fields=fields)).status == 415


@pytest.mark.parametrize("text", ["text/xml", 'Text/XML; charset="UTF-8"', "text/xml;charset=utf-16"])
def test_the_type_in_other_spellings(send: Send, text: str) -> None:
    assert send(call(notification(), fields=(("content-type", text),))).status == 200


def test_if_the_event_cannot_be_kept_the_same_message_may_come_again(send: Send, journal: Kept) -> None:
    content, journal.is_full = notification(), True
    answer = send(call(content))
    assert answer.status == 503
    assert body_of(answer)[0][0].text == "soap:Server", "signed, because the caller is verified"
    journal.is_full = False
    assert send(call(content)).status == 200
    assert len(journal.events) == 1


def test_if_it_cannot_be_remembered_it_is_not_accepted(part: TelekomPart, journal: Kept, tmp_path: Path) -> None:
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "telekom").write_text("a file where a folder should be")
    send = Send(part, journal, tmp_path / "blocked")
    assert send(call(notification())).status == 503
    assert journal.events == []


def test_a_notification_of_no_link_is_answered_and_logged(
    send: Send, journal: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    answer = send(call(notification(NOTIFICATION.replace(ICCID, "8949029999999999999"))))
    assert answer.status == 200
    assert journal.events == []
    assert "telekom.no_link" in caplog.text


def test_an_identifier_is_the_whole_text_of_an_element(send: Send, journal: Kept) -> None:
    send(call(notification(NOTIFICATION.replace(ICCID, f"{ICCID}0"))))
    assert journal.events == []
    send(call(notification(NOTIFICATION.replace(ICCID, f"\n  {ICCID}\n"))))
    assert len(journal.events) == 1


def test_what_a_notification_holds_never_becomes_an_element(send: Send) -> None:
    content = notification(NOTIFICATION.replace("ACTIVE", "&lt;forged/&gt;&amp;${iccid}"))
    assert body_of(send(call(content)))[0][0].get("state") == "<forged/>&${iccid}"


def test_another_template_for_another_message(part: TelekomPart, journal: Kept, tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_text("<other/>")
    more = '[telekom.acknowledgement_files]\nM2MMonResponse = "other.xml"\n'
    write_links(tmp_path, NOW, more=more)
    send = Send(read_telekom_part(links_file(tmp_path)), journal, tmp_path)
    assert body_of(send(call(notification("<M2MMonResponse/>"))))[0].tag == "other"
    assert etree.QName(body_of(send(call(notification("<x/>"))))[0]).localname == "M2MAdmResponseMessage"


def test_addresses_of_the_other_environment_are_not_there(send: Send) -> None:
    assert "/telekom/pe/m2madmcl" not in send.routes
    assert replace(call(b""), path="/telekom/ta/m2madmcl").path in send.routes, "the control"
