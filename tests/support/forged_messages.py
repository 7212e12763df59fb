"""Ways to deceive a verifier of signed messages, each with the code that it is refused with.

:data:`CHANGED` is what somebody changes in a good message. :data:`SEALED` is what even the portal may not sign.
"""

import copy
from collections.abc import Callable

from lxml import etree

from engage_server.links.telekom.messages import names
from tests.support.signed_messages import (
    ENVELOPED,
    HMAC_SHA256,
    INCLUSIVE,
    NOTIFICATION,
    RSA_SHA1,
    XPATH,
    XSLT,
    one,
    signed,
    soap,
)

Change = Callable[[etree._Element], object]


def body_of(root: etree._Element) -> etree._Element:
    return next(each for each in root if each.tag == names.BODY)


def security(root: etree._Element) -> etree._Element:
    return one(root, names.SECURITY)


def new_body(root: etree._Element, **attributes: str) -> etree._Element:
    body = etree.fromstring(soap(NOTIFICATION.replace("ACTIVE", "STOLEN")))[0]
    for name, value in attributes.items():
        body.set(names.WSU_ID if name == "wsu" else name, value)
    return body


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


def method_of_another_name(root: etree._Element) -> None:
    one(root, names.SIGNATURE_METHOD).tag = f"{{{names.DS}}}Method"


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
    (method_of_another_name, "signed_info"),
]


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
