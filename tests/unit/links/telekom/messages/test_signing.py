"""The signer: what a signed message holds, what it refuses, and that signxml alone finds it right."""

import pytest
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from engage_server.errors import Conflict, EngageError, UsageError
from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.signing import envelope, sign, sign_envelope
from engage_server.links.telekom.messages.verifying import verify
from tests.support.signed_messages import NOTIFICATION, NOW, ids_of, one, party, signed, soap, trust


def test_the_timestamp_has_five_minutes() -> None:
    root = etree.fromstring(signed())
    assert one(root, names.CREATED).text == "2026-11-26T12:00:00.000Z"
    assert one(root, names.EXPIRES).text == "2026-11-26T12:05:00.000Z"


@pytest.mark.parametrize("header", ["", f'<s:Header xmlns:s="{names.SOAP}"><x:y xmlns:x="urn:x">1</x:y></s:Header>'])
def test_a_header_is_kept_or_made(header: str) -> None:
    content = sign(soap(header=header), party(), NOW)
    verify(content, trust(), NOW)
    assert (b"urn:x" in content) == bool(header)


def test_ids_that_a_message_brings_are_replaced() -> None:
    brought = soap().replace(b"<s:Body>", b'<s:Body Id="a" xml:id="b">')
    content = sign(brought, party(), NOW)
    assert len(ids_of(one(etree.fromstring(content), names.BODY))) == 1
    verify(content, trust(), NOW)


def test_signxml_alone_verifies_it() -> None:
    result = XMLVerifier().verify(
        signed(),
        x509_cert=party().certificate,
        id_attribute="Id",
        expect_config=SignatureConfiguration(expect_references=2, verification_time=NOW),
    )
    assert isinstance(result, list)
    assert b"M2MAdmResponse" in result[0].signed_data


def test_an_envelope_can_be_made() -> None:
    content = sign_envelope(envelope(etree.fromstring(NOTIFICATION)), party(), NOW)
    assert verify(content, trust(), NOW).body[0].tag == "{urn:example:m2m:adm}M2MAdmResponse"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<a/>", UsageError),
        (soap().replace(b"</s:Envelope>", b"<s:Body/></s:Envelope>"), UsageError),
        (signed(), Conflict),
        (b"<!DOCTYPE a><a/>", EngageError),
    ],
)
def test_what_cannot_be_signed(content: bytes, error: type[EngageError]) -> None:
    with pytest.raises(error):
        sign(content, party(), NOW)
