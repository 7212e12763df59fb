"""Reads XML that anybody may have written: no document type, no entity, no network, and limits on everything."""

import codecs
import re
from typing import Final

from lxml import etree

from engage_server.links.telekom.messages.names import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_NAMESPACES,
)
from engage_server.links.telekom.messages.refusals import refusal

_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])1\.0\1"""
    r"""(?:\s+encoding\s*=\s*(["'])(?P<encoding>[A-Za-z][A-Za-z0-9._-]*)\2)?"""
    r"""(?:\s+standalone\s*=\s*(["'])(?:yes|no)\4)?\s*\?>"""
)
# longer marks first: that of UTF-32 begins as that of UTF-16
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_MOST: Final = (
    ("pi", 0, "processing_instruction"),
    ("start", MAX_ELEMENTS, "too_many_elements"),
    ("start-ns", MAX_NAMESPACES, "too_many_namespaces"),
)


def read_xml(content: bytes) -> etree._Element:
    """Read a document and return its root.

    A text that contains ``<!DOCTYPE`` or ``<!ENTITY`` is refused wherever that stands, also within CDATA.

    Args:
        content: The bytes, in UTF-8 or in UTF-16 with its byte order mark.

    Raises:
        MessageRefused: It is too large, has a document type, or is not XML within the limits.
    """
    if len(content) > MAX_BYTES:
        raise refusal("too_large")
    text = _decoded(content)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise refusal("dtd")
    try:
        root = etree.fromstring(text.encode(), strict_parser())
    except (etree.XMLSyntaxError, ValueError):
        raise refusal("not_xml") from None
    _assert_within_limits(root)
    return root


def strict_parser() -> etree.XMLParser:
    """Return a parser for UTF-8 that expands nothing and fetches nothing. It is not to be shared between threads."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        collect_ids=False,
    )


def _decoded(content: bytes) -> str:
    """The text without byte order mark and declaration, so that no parser has to guess."""
    mark, encoding = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    try:
        # the codec of UTF-16 reads the mark itself
        text = (content if encoding == "utf-16" else content[len(mark) :]).decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise refusal("encoding") from None
    if not re.match(r"<\?xml\s", text):
        return text
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise refusal("not_xml")
    if (declaration["encoding"] or encoding).lower() != encoding:
        raise refusal("encoding")
    return text[declaration.end() :]


def _assert_within_limits(root: etree._Element) -> None:
    depth = 0
    counts = {"start": 0, "end": 0, "start-ns": 0, "pi": 0}
    for event, node in etree.iterwalk(root, events=tuple(counts)):
        counts[event] += 1
        if event == "start":
            depth += 1
            if len(node.attrib) > MAX_ATTRIBUTES:
                raise refusal("too_many_attributes")
        elif event == "end":
            depth -= 1
        if depth > MAX_DEPTH:
            raise refusal("too_deep")
        for kind, most, reason in _MOST:
            if counts[kind] > most:
                raise refusal(reason)
    if root.getprevious() is not None or root.getnext() is not None:
        _assert_only_comments_beside(root)


def _assert_only_comments_beside(root: etree._Element) -> None:
    """A walk sees what is in the root. Beside it only comments are left to be."""
    beside = (*root.itersiblings(), *root.itersiblings(preceding=True))
    if any(isinstance(node, etree._ProcessingInstruction) for node in beside):
        raise refusal("processing_instruction")


def canonical(element: etree._Element, prefixes: list[str] | None = None) -> bytes:
    """Return an element by Exclusive XML Canonicalization 1.0 without comments: the bytes that are signed.

    Args:
        element: The element.
        prefixes: Whose declarations are kept though they are not visibly used: the PrefixList.
    """
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)


def elements_in(parent: etree._Element) -> list[etree._Element]:
    """Return the child elements.

    Raises:
        MessageRefused: There is text between them. Who reads around it may read something else than was meant.
    """
    children = list(parent)
    if (parent.text or "").strip() or any((child.tail or "").strip() for child in children):
        raise refusal("text_between")
    return [child for child in children if not isinstance(child, etree._Comment)]
