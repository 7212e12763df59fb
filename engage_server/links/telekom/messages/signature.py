"""What a Signature may say: the algorithms, transforms and references that are allowed, and nothing else."""

import base64
import binascii
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.envelope import Parts
from engage_server.links.telekom.messages.refusals import refusal
from engage_server.links.telekom.messages.xml_text import elements_in


@dataclass(frozen=True, slots=True)
class Referenced:
    """An element that the signature covers.

    Attributes:
        element: The element in the message.
        prefixes: Whose declarations are signed with it, though they are not visibly used.
    """

    element: etree._Element
    prefixes: list[str] | None


@dataclass(frozen=True, slots=True)
class SignedInfo:
    """A Signature that keeps to what is allowed. Nothing is verified yet.

    Attributes:
        element: The SignedInfo.
        prefixes: The PrefixList of the canonicalisation of SignedInfo.
        references: What is covered, in the order of the references.
        value: The signature's bytes.
    """

    element: etree._Element
    prefixes: list[str] | None
    references: tuple[Referenced, ...]
    value: bytes


def read_signed_info(parts: Parts, signature_algorithms: Collection[str]) -> SignedInfo:
    """Read the Signature of a message.

    Args:
        parts: The message.
        signature_algorithms: The allowed ones, as keys of :data:`names.SIGNATURE_ALGORITHMS`.

    Raises:
        MessageRefused: It has an algorithm, a transform, a reference or an element that is not allowed.
    """
    info, value, key_info = children(
        parts.signature, (names.SIGNED_INFO, names.SIGNATURE_VALUE, names.KEY_INFO), may_have=("Id",)
    )
    _assert_names_token(key_info, parts)
    method, algorithm, *references = _in_signed_info(info)
    if method.get("Algorithm") != names.EXCLUSIVE:
        raise refusal("canonicalisation")
    assert_attributes(method, ("Algorithm",))
    if algorithm.get("Algorithm") not in {names.SIGNATURE_ALGORITHMS[name] for name in signature_algorithms}:
        raise refusal("signature_algorithm")
    children(algorithm, (), may_have=("Algorithm",))
    return SignedInfo(info, _prefixes(method), _referenced(references, parts), from_base64(value))


def _in_signed_info(info: etree._Element) -> list[etree._Element]:
    found = elements_in(info)
    assert_attributes(info, ("Id",))
    if len(found) < 3 or len(found) > 2 + names.MAX_REFERENCES:
        raise refusal("references")
    if [each.tag for each in found] != [
        names.CANONICALISATION,
        names.SIGNATURE_METHOD,
        *[names.REFERENCE] * (len(found) - 2),
    ]:
        raise refusal("signed_info")
    return found


def _referenced(references: Sequence[etree._Element], parts: Parts) -> tuple[Referenced, ...]:
    found = tuple(_read_reference(reference, parts) for reference in references)
    if len({id(each.element) for each in found}) != len(found):
        raise refusal("references")
    return found


def _read_reference(reference: etree._Element, parts: Parts) -> Referenced:
    transforms, digest_method, digest_value = children(
        reference, (names.TRANSFORMS, names.DIGEST_METHOD, names.DIGEST_VALUE), may_have=("Id", "URI", "Type")
    )
    if digest_method.get("Algorithm") not in names.DIGEST_ALGORITHMS:
        raise refusal("digest_algorithm")
    children(digest_method, (), may_have=("Algorithm",))
    from_base64(digest_value)
    uri = reference.get("URI", "")
    element = parts.by_id.get(uri[1:]) if uri.startswith("#") else None
    if element is None:
        raise refusal("reference_uri")
    return Referenced(element, _prefixes(_only_transform(transforms)))


def _only_transform(transforms: etree._Element) -> etree._Element:
    assert_attributes(transforms, ())
    found = elements_in(transforms)
    if [(each.tag, each.get("Algorithm")) for each in found] != [(names.TRANSFORM, names.EXCLUSIVE)]:
        raise refusal("transform")
    assert_attributes(found[0], ("Algorithm",))
    return found[0]


def _prefixes(method: etree._Element) -> list[str] | None:
    """The PrefixList, which may be the only thing in a method of canonicalisation."""
    found = elements_in(method)
    if not found:
        return None
    if [each.tag for each in found] != [names.INCLUSIVE_PREFIXES]:
        raise refusal("signed_info")
    children(found[0], (), may_have=("PrefixList",))
    prefixes = found[0].get("PrefixList", "").split(" ")
    if len(prefixes) > names.MAX_PREFIXES:
        raise refusal("signed_info")
    return prefixes


def _assert_names_token(key_info: etree._Element, parts: Parts) -> None:
    """A reference to *the* token of this message. No other way to name a key is accepted."""
    (wrapper,) = children(key_info, (names.TOKEN_REFERENCE,), may_have=("Id",))
    (named,) = children(wrapper, (names.KEY_REFERENCE,), may_have=(names.WSU_ID, _TOKEN_TYPE))
    assert_attributes(named, ("URI", "ValueType"))
    uri = named.get("URI", "")
    if not uri.startswith("#") or parts.by_id.get(uri[1:]) is not parts.token:
        raise refusal("key_reference")
    if named.get("ValueType", names.X509_TOKEN) != names.X509_TOKEN:
        raise refusal("key_reference")


# WS-Security 1.1 lets the reference say what the token is
_TOKEN_TYPE = "{http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd}TokenType"  # noqa: S105  # a name


def children(parent: etree._Element, tags: Sequence[str], *, may_have: Collection[str]) -> list[etree._Element]:
    """Return the child elements, which must be exactly these, in this order.

    Raises:
        MessageRefused: There are others, or the parent has an attribute that it may not have.
    """
    assert_attributes(parent, may_have)
    found = elements_in(parent)
    if [each.tag for each in found] != list(tags):
        raise refusal("key_reference" if parent.tag in (names.KEY_INFO, names.TOKEN_REFERENCE) else "signed_info")
    return found


def assert_attributes(element: etree._Element, may_have: Collection[str]) -> None:
    """Refuse an attribute that is not among these."""
    if not {str(name) for name in element.attrib} <= set(may_have):
        raise refusal("signed_info")


def from_base64(element: etree._Element) -> bytes:
    """Return what an element holds as Base64, which may have line ends.

    Raises:
        MessageRefused: It holds something else, or nothing.
    """
    if len(element):
        raise refusal("base64")
    try:
        content = base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise refusal("base64") from None
    if not content:
        raise refusal("base64")
    return content
