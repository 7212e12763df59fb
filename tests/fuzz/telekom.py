"""``scripts/fuzz-links telekom``: damaged messages are refused with a code. Nothing is accepted but what was signed.

A message may survive its damage: a header that is not signed, white space, a comment. So "accepted" is held against the
message that it was made of: what is returned must be exactly what was signed there.
"""

import copy
import random
import time
import warnings
from collections.abc import Iterator
from functools import cache

from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.verifying import Trust, Verified, verify
from tests.support.signed_messages import NOTIFICATION, NOW, one, party, sealed, signed, trust

_WORDS = (
    *("", "#", "0", "1", "Body", "Id", "ID", "xml:id", "http://example.org/", "file:///etc/passwd", "\u00e4", "&amp;"),
    *(names.SOAP, names.WSSE, names.WSU, names.DS, names.EXCLUSIVE, "2026-11-26T12:00:00Z", "AAAA", "-1", "s n"),
)
_PIECES = (
    *(
        b"<!DOCTYPE a>",
        b"<!--",
        b"-->",
        b"<?x y?>",
        b"<![CDATA[",
        b"]]>",
        b"&#0;",
        b"&#x26;",
        b"&a;",
        b"\x00",
        b"\xff\xfe",
    ),
    *(b' xmlns:s="urn:x"', b' xmlns=""', b' Id="a"', b' xml:id="a"', b"<a>", b"</a>", b"<s:Body/>", b"<x/>" * 50),
)


def _as_wss4j(root: etree._Element) -> None:
    for tag in (names.CANONICALISATION, names.TRANSFORM):
        etree.SubElement(one(root, tag), names.INCLUSIVE_PREFIXES).set("PrefixList", "s n")


@cache
def seeds() -> tuple[tuple[bytes, Verified], ...]:
    """Good messages, each with what was signed."""
    contents = [signed(), signed("<a/>"), signed(NOTIFICATION * 3), sealed(_as_wss4j)]
    contents.append(contents[0].decode().replace("encoding='UTF-8'", "encoding='UTF-16'").encode("utf-16"))
    return tuple((content, verify(content, trust(), NOW)) for content in contents)


def bytes_damaged(chance: random.Random, content: bytes) -> bytes:
    """A few octets changed, taken out, put in or repeated."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place, kind = chance.randrange(len(found) + 1), chance.random()
        if kind < 0.4 and place < len(found):
            found[place] = chance.randrange(256)
        elif kind < 0.6:
            del found[place : place + chance.randint(1, 40)]
        elif kind < 0.85:
            found[place:place] = chance.choice(_PIECES)
        else:
            found[place:place] = found[chance.randrange(len(found) + 1) :][: chance.randint(1, 600)]
    return bytes(found)


def tree_damaged(chance: random.Random, root: etree._Element) -> None:
    """Elements moved, repeated, removed or renamed, and attributes and texts changed, as an attacker would."""
    for _ in range(chance.randint(1, 4)):
        elements = list(root.iter(etree.Element))
        element, other = chance.choice(elements), chance.choice(elements)
        kind, parent = chance.randrange(8), element.getparent()
        if kind == 0 and parent is not None and element not in list(other.iterancestors()) and element is not other:
            other.insert(chance.randint(0, len(other)), element)
        elif kind == 1:
            other.insert(chance.randint(0, len(other)), copy.deepcopy(element))
        elif kind == 2 and parent is not None:
            parent.remove(element)
        elif kind == 3:
            element.tag = other.tag
        elif kind == 4 and element.attrib:
            element.set(chance.choice(list(element.attrib)), chance.choice(_WORDS))
        elif kind == 5:
            name = chance.choice(
                (names.WSU_ID, "Id", "ID", "{http://www.w3.org/XML/1998/namespace}id", "URI", "Algorithm")
            )
            element.set(name, chance.choice([*_WORDS, *(v for each in elements for v in each.attrib.values())]))
        elif kind == 6:
            element.text = chance.choice(_WORDS)
        else:
            element.insert(0, chance.choice((etree.Comment("x"), etree.ProcessingInstruction("x"))))


def damaged(chance: random.Random) -> tuple[bytes, Verified | None]:
    """A damaged message, and what was signed in it; None if the portal itself signed the damage."""
    content, original = chance.choice(seeds())
    kind = chance.random()
    if kind < 0.5:
        return bytes_damaged(chance, content), original
    if kind < 0.98:
        root = etree.fromstring(content)
        tree_damaged(chance, root)
        return etree.tostring(root), original
    try:
        return sealed(lambda root: tree_damaged(chance, root), content), None
    except (StopIteration, KeyError, ValueError, TypeError):  # so damaged that nobody could sign it
        return bytes_damaged(chance, content), original


def outcome(content: bytes, original: Verified | None, whom: Trust) -> str:
    """The code of the refusal, or that what was signed is what is returned. Anything else comes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = verify(content, whom, NOW)
        except MessageRefused as refused:
            return refused.code
    if original is None:
        return "signed so"
    assert _signed(found) == _signed(original), f"accepted, but not what was signed: {content!r}"
    return "unharmed"


def _signed(message: Verified) -> tuple[object, ...]:
    return message.digest, message.created, message.expires, message.signature, etree.tostring(message.body)


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """The outcome of each message, and the seconds that it took."""
    chance, whom = random.Random(seed), Trust((party().certificate,))  # noqa: S311  # nothing is kept secret with it
    for _ in range(count):
        content, original = damaged(chance)
        begun = time.perf_counter()
        found = outcome(content, original, whom)
        yield found, time.perf_counter() - begun
