"""The strict verifier: what it accepts, and each way of deceiving it with the code that it is refused with."""

import copy
import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import REASONS, MessageRefused
from engage_server.links.telekom.messages.replays import FolderReplays
from engage_server.links.telekom.messages.signing import Signer, sign
from engage_server.links.telekom.messages.verifying import Trust, verify
from tests.support.signed_messages import (
    ENVELOPED,
    HMAC_SHA256,
    INCLUSIVE,
    NOTIFICATION,
    NOW,
    RSA_SHA1,
    XPATH,
    XSLT,
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

Change = Callable[[etree._Element], object]
SECOND = dt.timedelta(seconds=1)


def reason(content: bytes, at: dt.datetime = NOW, whom: Trust | None = None) -> str:
    with pytest.raises(MessageRefused) as refused:
        verify(content, whom or trust(), at)
    assert refused.value.sentence.startswith("the message is refused: ")
    return refused.value.code.removeprefix("wsse.")


def body_of(root: etree._Element) -> etree._Element:
    return next(each for each in root if each.tag == names.BODY)


def security(root: etree._Element) -> etree._Element:
    return one(root, names.SECURITY)


def new_body(root: etree._Element, **attributes: str) -> etree._Element:
    body = etree.fromstring(soap(NOTIFICATION.replace("ACTIVE", "STOLEN")))[0]
    for name, value in attributes.items():
        body.set(names.WSU_ID if name == "wsu" else name, value)
    return body


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
    begun = time.process_time()
    with suppress(MessageRefused):
        verify(content, trust(), NOW)
    assert time.process_time() - begun < 0.2


def test_an_unsigned_message_as_others_write_it() -> None:
    def without_signature(root: etree._Element) -> None:
        security(root).remove(one(root, names.SIGNATURE))

    assert reason(changed(without_signature)) == "signature"


# -- somebody changes a good message on the way


def wrap(root: etree._Element) -> None:
    """The real Body goes into the Header, where its reference still finds it, and a forged one takes its place."""
    real = body_of(root)
    root.append(new_body(root))
    etree.SubElement(root[0], "Wrap").append(real)


def wrap_into_the_forged(root: etree._Element) -> None:
    real = body_of(root)
    forged = new_body(root)
    root.replace(real, forged)
    forged.append(real)


def second_body(root: etree._Element) -> None:
    root.append(new_body(root))


def same_id_elsewhere(root: etree._Element, attribute: str = names.WSU_ID) -> None:
    """The signed Body's content under its id in the Header, and another Body with the same id."""
    real = body_of(root)
    name = str(real.get(names.WSU_ID))
    moved = etree.SubElement(root[0], "Wrap")
    moved.extend(copy.deepcopy(list(real)))
    moved.set(attribute, name)


def same_id_in_other_spelling(spelling: str) -> Change:
    return lambda root: same_id_elsewhere(root, spelling)


def second_timestamp(root: etree._Element) -> None:
    security(root).insert(0, copy.deepcopy(one(root, names.TIMESTAMP)))


def timestamp_in_another_header(root: etree._Element) -> None:
    etree.SubElement(root[0], "Other").append(copy.deepcopy(one(root, names.TIMESTAMP)))


def second_signature(root: etree._Element) -> None:
    security(root).append(copy.deepcopy(one(root, names.SIGNATURE)))


def second_security(root: etree._Element) -> None:
    root[0].append(etree.Element(names.SECURITY))


def second_header(root: etree._Element) -> None:
    root.insert(1, etree.Element(names.HEADER))


def header_after_the_body(root: etree._Element) -> None:
    root.append(root[0])


def further_element(root: etree._Element) -> None:
    etree.SubElement(root, "{urn:x}Trailer")


def timestamp_outside(root: etree._Element) -> None:
    etree.SubElement(root[0], "Other").append(one(root, names.TIMESTAMP))


def signature_outside(root: etree._Element) -> None:
    root[0].append(one(root, names.SIGNATURE))


def token_outside(root: etree._Element) -> None:
    root[0].append(one(root, names.TOKEN))


def security_in_the_body(root: etree._Element) -> None:
    body_of(root).append(security(root))


def other_token(root: etree._Element) -> None:
    one(root, names.TOKEN).text = one(etree.fromstring(signed(number=5)), names.TOKEN).text


def key_value_as_key(root: etree._Element) -> None:
    info = one(root, names.KEY_INFO)
    info[:] = [etree.Element(f"{{{names.DS}}}KeyValue")]


def key_names_another(root: etree._Element) -> None:
    one(root, names.KEY_REFERENCE).set("URI", "#" + str(body_of(root).get(names.WSU_ID)))


def attribute_of(tag: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, tag).set("Extra", "1")

    return change


def key_of_another_kind(root: etree._Element) -> None:
    one(root, names.KEY_REFERENCE).set("ValueType", names.X509_TOKEN.replace("X509v3", "X509PKIPathv1"))


def element_in(tag: str) -> Change:
    def change(root: etree._Element) -> None:
        etree.SubElement(one(root, tag), "x")

    return change


def key_of_a_file(root: etree._Element) -> None:
    one(root, names.KEY_REFERENCE).set("URI", "file:///etc/passwd")


def token_of_another_kind(root: etree._Element) -> None:
    one(root, names.TOKEN).set("ValueType", names.X509_TOKEN.replace("X509v3", "X509PKIPathv1"))


def token_in_hex(root: etree._Element) -> None:
    one(root, names.TOKEN).set("EncodingType", names.BASE64.replace("Base64", "Hex"))


def second_token(root: etree._Element) -> None:
    security(root).append(copy.deepcopy(one(root, names.TOKEN)))


def username(root: etree._Element) -> None:
    etree.SubElement(security(root), f"{{{names.WSSE}}}UsernameToken")


def header_to_understand(root: etree._Element) -> None:
    etree.SubElement(root[0], "{urn:x}Transaction").set(names.MUST_UNDERSTAND, "1")


def comment_in_security(root: etree._Element) -> None:
    one(root, names.CREATED).append(etree.Comment("x"))


def text_in_security(root: etree._Element) -> None:
    security(root)[0].tail = "x"


def manifest(root: etree._Element) -> None:
    etree.SubElement(one(root, names.SIGNATURE), f"{{{names.DS}}}Object")


def no_base64(tag: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, tag).text = "%" + str(one(root, tag).text)

    return change


def text_of(tag: str, text: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, tag).text = text

    return change


def tampered(root: etree._Element) -> None:
    body_of(root)[0][1].text = "STOLEN"


def renamed_namespace(root: etree._Element) -> None:
    old = body_of(root)[0]
    new = etree.fromstring(etree.tostring(old).replace(b"urn:example:m2m:adm", b"urn:example:forged"))
    body_of(root).replace(old, new)


CHANGED: list[tuple[Change, str]] = [
    (tampered, "signature_wrong"),
    (renamed_namespace, "signature_wrong"),
    (text_of(names.CREATED, "2026-11-26T12:00:01Z"), "signature_wrong"),
    (text_of(names.SIGNATURE_VALUE, "AAAA"), "signature_wrong"),
    (wrap, "body"),
    (wrap_into_the_forged, "body"),
    (second_body, "body"),
    (same_id_elsewhere, "duplicate_id"),
    *((same_id_in_other_spelling(s), "duplicate_id") for s in ("Id", "ID", "id", f"{{{'urn:x'}}}iD")),
    (same_id_in_other_spelling("{http://www.w3.org/XML/1998/namespace}id"), "duplicate_id"),
    (second_timestamp, "timestamp"),
    (timestamp_in_another_header, "timestamp"),
    (second_signature, "signature"),
    (second_security, "security"),
    (second_header, "header"),
    (header_after_the_body, "not_soap"),
    (further_element, "not_soap"),
    (security_in_the_body, "security"),
    (timestamp_outside, "timestamp"),
    (signature_outside, "signature"),
    (token_outside, "token"),
    (other_token, "token_not_pinned"),
    (token_of_another_kind, "token"),
    (token_in_hex, "token"),
    (second_token, "token"),
    (no_base64(names.TOKEN), "base64"),
    (no_base64(names.SIGNATURE_VALUE), "base64"),
    (no_base64(names.DIGEST_VALUE), "base64"),
    (key_value_as_key, "key_reference"),
    (key_names_another, "key_reference"),
    (key_of_a_file, "key_reference"),
    (key_of_another_kind, "key_reference"),
    *((element_in(tag), "base64") for tag in (names.TOKEN, names.SIGNATURE_VALUE, names.DIGEST_VALUE)),
    *((text_of(tag, " "), "base64") for tag in (names.TOKEN, names.SIGNATURE_VALUE, names.DIGEST_VALUE)),
    (attribute_of(names.KEY_INFO), "signed_info"),
    (username, "unexpected_in_security"),
    (header_to_understand, "must_understand"),
    (comment_in_security, "comment"),
    (text_in_security, "text_between"),
    (manifest, "signed_info"),
]


def _called(case: tuple[Change, str]) -> str:
    return f"{getattr(case[0], '__name__', 'change')}-{case[1]}"


@pytest.mark.parametrize("case", CHANGED, ids=_called)
def test_what_somebody_changed_is_refused(case: tuple[Change, str]) -> None:
    change, why = case
    assert reason(changed(change)) == why


# -- the portal itself signs what is not allowed


def algorithm(tag: str, uri: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, tag).set("Algorithm", uri)

    return change


def further_transform(uri: str) -> Change:
    def change(root: etree._Element) -> None:
        etree.SubElement(one(root, names.TRANSFORMS), names.TRANSFORM, Algorithm=uri)

    return change


def drop_reference(number: int) -> Change:
    def change(root: etree._Element) -> None:
        info = one(root, names.SIGNED_INFO)
        info.remove(list(info.iter(names.REFERENCE))[number])

    return change


def twice_referenced(root: etree._Element) -> None:
    info = one(root, names.SIGNED_INFO)
    info.append(copy.deepcopy(one(info, names.REFERENCE)))


def nine_references(root: etree._Element) -> None:
    """Each of another element, so that their number alone is wrong."""
    info = one(root, names.SIGNED_INFO)
    for number in range(7):
        etree.SubElement(root[0], "Block").set(names.WSU_ID, f"block-{number}")
        info.append(copy.deepcopy(one(info, names.REFERENCE)))
        info[-1].set("URI", f"#block-{number}")


def no_reference(root: etree._Element) -> None:
    for _ in range(2):
        one(root, names.SIGNED_INFO).remove(one(root, names.REFERENCE))


def further_in(tag: str) -> Change:
    def change(root: etree._Element) -> None:
        etree.SubElement(one(root, tag), f"{{{names.DS}}}XPath").text = "1"

    return change


def further_in_signed_info(root: etree._Element) -> None:
    etree.SubElement(one(root, names.SIGNED_INFO), f"{{{names.DS}}}Object")


def reference(uri: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, names.REFERENCE).set("URI", uri)

    return change


def plain_id(root: etree._Element) -> None:
    body = body_of(root)
    body.set("Id", str(body.attrib.pop(names.WSU_ID)))


def lifetime(created: str, expires: str) -> Change:
    def change(root: etree._Element) -> None:
        one(root, names.CREATED).text, one(root, names.EXPIRES).text = created, expires

    return change


def only_created(root: etree._Element) -> None:
    one(root, names.TIMESTAMP).remove(one(root, names.EXPIRES))


def truncated_mac(root: etree._Element) -> None:
    etree.SubElement(one(root, names.SIGNATURE_METHOD), f"{{{names.DS}}}HMACOutputLength").text = "8"


def own_signature_over_the_wrapped(root: etree._Element) -> None:
    """Signed by the portal: an element in the Header that is called as the Body is."""
    body = body_of(root)
    etree.SubElement(root[0], "Wrap").set(names.WSU_ID, "other")
    one(root, names.REFERENCE).set("URI", "#other")
    body.set(names.WSU_ID, "body")


SEALED: list[tuple[Change, str]] = [
    (algorithm(names.SIGNATURE_METHOD, RSA_SHA1), "signature_algorithm"),
    (algorithm(names.SIGNATURE_METHOD, HMAC_SHA256), "signature_algorithm"),
    (algorithm(names.DIGEST_METHOD, names.DS + "sha1"), "digest_algorithm"),
    (algorithm(names.CANONICALISATION, INCLUSIVE), "canonicalisation"),
    (algorithm(names.CANONICALISATION, names.EXCLUSIVE + "WithComments"), "canonicalisation"),
    (algorithm(names.TRANSFORM, names.EXCLUSIVE + "WithComments"), "transform"),
    (algorithm(names.TRANSFORM, INCLUSIVE), "transform"),
    *((further_transform(uri), "transform") for uri in (XPATH, XSLT, ENVELOPED, names.EXCLUSIVE)),
    (drop_reference(0), "body_not_signed"),
    (drop_reference(1), "timestamp_not_signed"),
    (twice_referenced, "references"),
    (nine_references, "references"),
    (no_reference, "references"),
    (further_in_signed_info, "signed_info"),
    *((further_in(tag), "signed_info") for tag in (names.TRANSFORM, names.CANONICALISATION, names.DIGEST_METHOD)),
    *((attribute_of(tag), "signed_info") for tag in (names.SIGNED_INFO, names.REFERENCE, names.TRANSFORMS)),
    *((attribute_of(tag), "signed_info") for tag in (names.TRANSFORM, names.CANONICALISATION, names.DIGEST_METHOD)),
    (plain_id, "reference_uri"),
    (own_signature_over_the_wrapped, "body_not_signed"),
    (truncated_mac, "signed_info"),
    (lifetime("2026-11-26T12:00:00Z", "2026-11-26T12:10:00Z"), "lifetime"),
    (lifetime("2026-11-26T12:00:00Z", "2026-11-26T12:05:00.001Z"), "lifetime"),
    (lifetime("2026-11-26T12:00:00Z", "2026-11-26T11:59:00Z"), "lifetime"),
    (lifetime("2026-11-26T12:00:00Z", "2026-11-26T12:00:00Z"), "lifetime"),
    (lifetime("2026-11-26T12:00:00", "2026-11-26T12:05:00"), "timestamp_form"),
    (lifetime("2026-11-26T13:00:00+01:00", "2026-11-26T13:05:00+01:00"), "timestamp_form"),
    (lifetime("2026-02-30T12:00:00Z", "2026-02-30T12:05:00Z"), "timestamp_form"),
    (only_created, "timestamp_form"),
]


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
