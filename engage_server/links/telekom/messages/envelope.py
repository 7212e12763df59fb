"""The parts of a signed message: each must be there once, in the place where SOAP and WS-Security put it."""

from collections import defaultdict
from dataclasses import dataclass

from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import refusal
from engage_server.links.telekom.messages.xml_text import elements_in

# what may be only once in the whole message, also within the Body: elsewhere it can only be meant to confuse
_ONCE = (
    (names.HEADER, "header"),
    (names.BODY, "body"),
    (names.SECURITY, "security"),
    (names.TIMESTAMP, "timestamp"),
    (names.SIGNATURE, "signature"),
    (names.TOKEN, "token"),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a signed message.

    Attributes:
        body: *The* Body.
        timestamp: *The* Timestamp.
        token: The certificate that the message carries.
        signature: *The* Signature.
        by_id: For each value of a ``wsu:Id`` its element.
    """

    body: etree._Element
    timestamp: etree._Element
    token: etree._Element
    signature: etree._Element
    by_id: dict[str, etree._Element]


def read_parts(root: etree._Element) -> Parts:
    """Find the parts of a signed message.

    Raises:
        MessageRefused: One is missing, stands elsewhere, or is there twice.
    """
    for tag, reason in _ONCE:
        if sum(1 for _ in root.iter(tag)) != 1:
            raise refusal("not_soap" if root.tag != names.ENVELOPE else reason)
    header, body = _header_and_body(root)
    security = next((block for block in elements_in(header) if block.tag == names.SECURITY), None)
    if security is None:
        raise refusal("security")
    _assert_others_are_optional(header, security)
    found = _in_security(security)
    return Parts(body, found[names.TIMESTAMP], found[names.TOKEN], found[names.SIGNATURE], _elements_by_id(root))


def _header_and_body(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    children = elements_in(root)
    if root.tag != names.ENVELOPE or [child.tag for child in children] != [names.HEADER, names.BODY]:
        raise refusal("not_soap")
    return children[0], children[1]


def _assert_others_are_optional(header: etree._Element, security: etree._Element) -> None:
    """SOAP 1.1 section 4.2.3: who does not know a header that must be understood has to refuse the message."""
    for block in elements_in(header):
        if block is not security and block.get(names.MUST_UNDERSTAND, "0") not in ("0", "false"):
            raise refusal("must_understand")


def _in_security(security: etree._Element) -> dict[str, etree._Element]:
    if next(security.iter(etree.Comment), None) is not None:
        raise refusal("comment")
    found = {str(child.tag): child for child in elements_in(security)}
    for tag, reason in _ONCE[-3:]:
        if tag not in found:
            raise refusal(reason)
    if len(found) != 3 or len(elements_in(security)) != 3:
        raise refusal("unexpected_in_security")
    return found


def _elements_by_id(root: etree._Element) -> dict[str, etree._Element]:
    """The elements by their ``wsu:Id``, none of whose values any other element has as an id of any spelling."""
    owners: defaultdict[str, list[etree._Element]] = defaultdict(list)
    for element in root.iter(etree.Element):
        for value in {value for name, value in element.attrib.items() if _is_id(str(name))}:
            owners[str(value)].append(element)
    by_id = {}
    for value, elements in owners.items():
        marked = [element for element in elements if element.get(names.WSU_ID) == value]
        if marked and len(elements) > 1:
            raise refusal("duplicate_id")
        if marked:
            by_id[value] = marked[0]
    return by_id


def _is_id(name: str) -> bool:
    """Whether an attribute is an id to anybody: ``wsu:Id``, ``Id``, ``ID``, ``id``, ``xml:id``."""
    return name.rpartition("}")[2].lower() == "id"
