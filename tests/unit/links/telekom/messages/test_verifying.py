"""The strict verifier: what it accepts, and each way of deceiving it with the code that it is refused with."""

import copy
import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from signxml.verifier import VerifyResult, XMLVerifier

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import REASONS, MessageRefused
from engage_server.links.telekom.messages.replays import FolderReplays
from engage_server.links.telekom.messages.signing import Signer, sign
from engage_server.links.telekom.messages.verifying import Trust, verify
from tests.support.forged_messages import CHANGED, SEALED, Change, nine_references, reference, tampered
from tests.support.signed_messages import (
    NOTIFICATION,
    NOW,
    certificate,
    changed,
    one,
    party,
    seal,
    sealed,
    signed,
    soap,
    trust,
)

SECOND = dt.timedelta(seconds=1)


def reason(content: bytes, at: dt.datetime = NOW, whom: Trust | None = None) -> str:
    with pytest.raises(MessageRefused) as refused:
        verify(content, whom or trust(), at)
    assert refused.value.sentence.startswith("the message is refused: ")
    return refused.value.code.removeprefix("wsse.")


# -- what is accepted


def test_a_good_message_is_accepted() -> None:
    found = verify(signed(), trust(), NOW)
    assert [child.tag for child in found.body] == ["{urn:example:m2m:adm}M2MAdmResponse"]
    assert (found.created, found.expires) == (NOW, NOW + names.LIFETIME)


@pytest.mark.parametrize("algorithm", names.SIGNATURE_ALGORITHMS)
def test_each_allowed_algorithm_works_once_it_is_named(algorithm: str) -> None:
    signer = Signer(party().key, party().certificate, signature_algorithm=algorithm)
    content = sign(soap(), signer, NOW)
    verify(content, Trust(trust().certificates, signature_algorithms=(algorithm,)), NOW)
    if algorithm != "rsa-sha256":
        assert reason(content) == "signature_algorithm"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_both_encodings_are_read(encoding: str) -> None:
    text = signed("<a>Straße</a>").decode().partition("?>")[2]
    declared = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
    assert verify((declared + text).encode(encoding), trust(), NOW).body[0].text == "Straße"


def test_each_of_two_agreed_certificates_is_accepted() -> None:
    both = Trust((party(2).certificate, party().certificate))
    verify(signed(), both, NOW)
    verify(signed(number=2), both, NOW)


def test_clocks_may_differ_by_a_minute() -> None:
    for at in (NOW - 60 * SECOND, NOW + 359 * SECOND):
        verify(signed(), trust(), at)


def test_what_is_returned_is_what_was_signed() -> None:
    """A comment splits a text for some readers; a prefix of an unsigned declaration means what an attacker wants."""
    content = signed('<m xmlns:t="urn:t"><a>12<!-- x -->34</a></m>')
    body = verify(content, trust(), NOW).body
    assert body[0][0].text == "1234"
    named = signed('<m xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="t:Order"/>').replace(
        b"<s:Envelope ", b'<s:Envelope xmlns:t="urn:forged" '
    )
    assert "t" not in verify(named, trust(), NOW).body[0].nsmap


def test_a_comment_that_is_put_in_changes_nothing_that_is_read() -> None:
    content = signed("<a>1234</a>").replace(b"1234", b"12<!-- -->34")
    assert verify(content, trust(), NOW).body[0].text == "1234"


def test_a_base_address_changes_nothing() -> None:
    content = signed().replace(b"<s:Envelope ", b'<s:Envelope xml:base="http://example.org/" ')
    verify(content, trust(), NOW)


def test_a_message_that_is_signed_again_has_the_same_digest() -> None:
    first, second = (verify(signed(), trust(), NOW) for _ in range(2))
    other = verify(signed(NOTIFICATION.replace("ACTIVE", "CLOSED")), trust(), NOW)
    assert first.digest == second.digest != other.digest
    assert first.signature != second.signature


def test_the_token_can_be_demanded_too() -> None:
    wanted = Trust(trust().certificates, parts=("body", "timestamp", "token"))
    signer = Signer(party().key, party().certificate, parts=("body", "timestamp", "token"))
    verify(sign(soap(), signer, NOW), wanted, NOW)
    assert reason(signed(), whom=wanted) == "token_not_signed"


# -- what is read before anything is verified


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not_xml"),
        (b"<a>", "not_xml"),
        (b"\0" * 100, "not_xml"),
        (b"<a>" + b" " * names.MAX_BYTES + b"</a>", "too_large"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "dtd"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "dtd"),
        ("<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a><a/>".encode("utf-16"), "dtd"),
        (b"<a>&b;</a>", "not_xml"),
        (b"<a><?b c?></a>", "processing_instruction"),
        (b"<?b c?><a/>", "processing_instruction"),
        (b"<a/><?b c?>", "processing_instruction"),
        (b"<a>" * 51 + b"</a>" * 51, "too_deep"),
        (b"<a>" * 300 + b"</a>" * 300, "not_xml"),
        (b"<a>" + b"<b/>" * names.MAX_ELEMENTS + b"</a>", "too_many_elements"),
        (b"<a" + b"".join(b' b%d=""' % n for n in range(65)) + b"/>", "too_many_attributes"),
        (b"<a" + b"".join(b' xmlns:b%d="c"' % n for n in range(201)) + b"/>", "too_many_namespaces"),
        (b'<?xml version="1.1"?><a/>', "not_xml"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "encoding"),
        ("<?xml version='1.0' encoding='utf-8'?><a/>".encode("utf-16"), "encoding"),
        ("<a/>".encode("utf-32"), "encoding"),
        (b"<a>\xff</a>", "encoding"),
        ("<a/>".encode("utf-16-le"), "not_xml"),
        (b"<a xmlns:b='c' b:d='1' b:d='2'/>", "not_xml"),
        (b"<a/>", "not_soap"),
        (soap().replace(b"xmlsoap.org/soap", b"xmlsoap.org/rope"), "not_soap"),
        (soap(), "header"),
        (soap(header=f'<h:Header xmlns:h="{names.SOAP}"/>'), "security"),
    ],
)
def test_what_is_no_signed_message(content: bytes, why: str) -> None:
    assert reason(content) == why


def test_a_whole_message_in_another_element() -> None:
    assert reason(b"<x>" + signed().partition(b"?>")[2] + b"</x>") == "not_soap"


def test_eight_references_are_not_too_many() -> None:
    def eight(root: etree._Element) -> None:
        nine_references(root)
        one(root, names.SIGNED_INFO).remove(one(root, names.SIGNED_INFO)[-1])

    verify(sealed(eight), trust(), NOW)


def test_a_list_of_prefixes_is_short() -> None:
    def listed(count: int) -> Change:
        def change(root: etree._Element) -> None:
            prefixes = etree.SubElement(one(root, names.CANONICALISATION), names.INCLUSIVE_PREFIXES)
            prefixes.set("PrefixList", " ".join(f"p{number}" for number in range(count)))

        return change

    verify(sealed(listed(names.MAX_PREFIXES)), trust(), NOW)
    assert reason(sealed(listed(names.MAX_PREFIXES + 1))) == "signed_info"


_ATTRIBUTES = b"".join(b' a%d=""' % number for number in range(15_000))
_NAMESPACES = b"".join(b' xmlns:n%d="u:%d"' % (number, number) for number in range(6000))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<s:Body ", b"<s:Body" + _ATTRIBUTES + b" "),
        (b"<s:Envelope ", b"<s:Envelope" + _NAMESPACES + b" "),
        (b"</s:Body>", b"<a/>" * 9_900 + b"</s:Body>"),
        (b"</s:Body>", b"<!---->" * 30_000 + b"</s:Body>"),
    ],
    ids=["attributes", "namespaces", "elements", "comments"],
)
def test_nobody_gets_much_work_out_of_us(old: bytes, new: bytes) -> None:
    """Anybody may send these: the agreed certificate is in every message. They took up to 0.8 s."""
    content = signed().replace(old, new)
    assert len(content) < names.MAX_BYTES

    def verified() -> None:
        with suppress(MessageRefused):
            verify(content, trust(), NOW)

    assert least_cost(verified) < 50 * least_cost(lambda: etree.fromstring(content))


def least_cost(act: Callable[[], object]) -> float:
    """The CPU seconds of an act, without what now and then happens beside it."""
    costs = []
    for _ in range(3):
        begun = time.process_time()
        act()
        costs.append(time.process_time() - begun)
    return min(costs)


def test_an_unsigned_message_as_others_write_it() -> None:
    def without_signature(root: etree._Element) -> None:
        one(root, names.SECURITY).remove(one(root, names.SIGNATURE))

    assert reason(changed(without_signature)) == "signature"


def _called(case: tuple[Change, str]) -> str:
    return f"{getattr(case[0], '__name__', 'change')}-{case[1]}"


@pytest.mark.parametrize("case", CHANGED, ids=_called)
def test_what_somebody_changed_is_refused(case: tuple[Change, str]) -> None:
    change, why = case
    assert reason(changed(change)) == why


@pytest.mark.parametrize("case", SEALED, ids=_called)
def test_what_may_not_be_signed_so_is_refused(case: tuple[Change, str]) -> None:
    change, why = case
    assert reason(sealed(change)) == why


@pytest.mark.parametrize("uri", ["", "#", "#none", "#xpointer(/)", "http://127.0.0.1/", "file:///etc/passwd", "cid:x"])
def test_a_reference_names_an_element_of_this_message(uri: str) -> None:
    assert reason(changed(reference(uri))) == "reference_uri"


def test_the_sealer_of_these_tests_seals() -> None:
    """The control: what it signs without a change is accepted, and so is a list of prefixes as WSS4J writes it."""

    def as_wss4j(root: etree._Element) -> None:
        for tag in (names.CANONICALISATION, names.TRANSFORM):
            etree.SubElement(one(root, tag), names.INCLUSIVE_PREFIXES).set("PrefixList", "s n")

    verify(sealed(lambda _: None), trust(), NOW)
    verify(sealed(as_wss4j), trust(), NOW)


# -- when, and by whom


@pytest.mark.parametrize(
    ("seconds", "why"), [(-61, "future"), (-300, "future"), (360, "stale"), (600, "stale"), (86_400, "stale")]
)
def test_the_wrong_time(seconds: int, why: str) -> None:
    assert reason(signed(), NOW + seconds * SECOND) == why


@pytest.mark.parametrize(
    ("created", "expires", "why"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z", "stale"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "lifetime"),
        ("9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z", "future"),
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "lifetime"),
    ],
)
def test_the_first_and_the_last_time_that_can_be_written(created: str, expires: str, why: str) -> None:
    """A stranger may write them: they are read before any signature."""

    def at_the_end(root: etree._Element) -> None:
        one(root, names.CREATED).text, one(root, names.EXPIRES).text = created, expires

    assert reason(changed(at_the_end)) == why


def test_another_than_the_agreed_certificate() -> None:
    assert reason(signed(number=1)) == "token_not_pinned"
    renewed = certificate(party().key, "the same key in a new certificate")
    assert reason(signed(), whom=Trust((renewed,))) == "token_not_pinned"


def test_a_certificate_that_has_expired() -> None:
    for begin in (NOW - dt.timedelta(30), NOW + dt.timedelta(1)):
        short = certificate(party().key, "short", begin, days=10)
        content = sign(soap(), Signer(party().key, short), NOW)
        assert reason(content, whom=Trust((short,))) == "certificate_not_valid"


def test_the_right_certificate_with_another_key() -> None:
    content = changed(lambda root: seal(root, party(1).key))
    assert reason(content) == "signature_wrong"


def test_a_message_is_accepted_once(tmp_path: Path) -> None:
    replays, content = FolderReplays(tmp_path), signed()
    verify(content, trust(), NOW, replays)
    with pytest.raises(MessageRefused) as refused:
        verify(content.replace(b"</s:Header>", b"<x/></s:Header>"), trust(), NOW + 300 * SECOND, replays)
    assert refused.value.code == "wsse.replayed"
    verify(signed(), trust(), NOW, replays)


def test_a_refused_message_is_not_remembered(tmp_path: Path) -> None:
    replays = FolderReplays(tmp_path)
    with pytest.raises(MessageRefused):
        verify(changed(tampered), trust(), NOW, replays)
    assert list(tmp_path.rglob("*")) == []


def test_every_code_is_refused_by_a_test() -> None:
    tried = {why for _, why in (*CHANGED, *SEALED)}
    elsewhere = {
        *("too_large", "encoding", "dtd", "not_xml", "too_deep", "too_many_elements", "processing_instruction"),
        *("too_many_attributes", "too_many_namespaces"),
        *(
            "not_soap",
            "token_not_signed",
            "certificate_not_valid",
            "future",
            "stale",
            "replayed",
            "replays_full",
            "token",
        ),
    }
    assert tried | elsewhere == set(REASONS)


def _other_data(found: list[VerifyResult]) -> list[VerifyResult]:
    return [replace(found[0], signed_data=b"<forged/>"), *found[1:]]


def _other_signature(found: list[VerifyResult]) -> list[VerifyResult]:
    root = copy.deepcopy(found[0].signature_xml)
    one(root, names.DIGEST_VALUE).text = "AAAA"
    return [replace(found[0], signature_xml=root), *found[1:]]


@pytest.mark.parametrize("differ", [_other_data, _other_signature, lambda found: found[:1]])
def test_what_signxml_verified_must_be_what_was_found_here(
    differ: Callable[[Any], list[VerifyResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds its own way through a message. If the two ever read one differently, nobody is right."""
    whole = XMLVerifier.verify
    monkeypatch.setattr(XMLVerifier, "verify", lambda *given, **named: differ(whole(*given, **named)))
    assert reason(signed()) == "signature_wrong"
