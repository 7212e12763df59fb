"""What a notification is answered with: a template that the operator supplies, because its schema is under contract."""

import re
from pathlib import Path

from lxml import etree

from engage_server.errors import SettingsInvalid
from engage_server.files import read_file
from engage_server.links.telekom.messages.names import SOAP
from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.xml_text import read_xml, strict_parser

_PLACE = re.compile(r"\$\{([A-Za-z_][\w.-]*)\}")
_MOST_BYTES = 64 * 1024

# marked as an example: Telekom's schema is under contract, and no public source shows it
EXAMPLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- AN EXAMPLE, NOT TELEKOM'S SCHEMA. Take names and namespace from your M2MAdmClv30.wsdl.
     This element becomes the Body of the answer. ${correlationId} stands for the text of the first element of that
     name in the notification. Comments are not sent. -->
<M2MAdmResponseMessage xmlns="urn:example:replace-me">
  <correlationId>${correlationId}</correlationId>
  <stateCode>0</stateCode>
  <notificationText>received</notificationText>
</M2MAdmResponseMessage>
"""


class Acknowledgement:
    """The template of an answer.

    Args:
        template: Its element. It is not changed.
    """

    def __init__(self, template: etree._Element) -> None:
        self._template = etree.tostring(template)

    def content(self, notification: etree._Element) -> etree._Element:
        """Return what stands in the Body of the answer.

        The same notification always gets the same. Texts are put in as texts: what a notification holds can never
        become an element.

        Args:
            notification: The Body that is answered.
        """
        texts: dict[str, str] = {}
        for element in notification.iter(etree.Element):
            texts.setdefault(etree.QName(element).localname, (element.text or "").strip())
        found = etree.fromstring(self._template, strict_parser())
        for element in found.iter(etree.Element):
            element.text = _filled(element.text, texts)
            for name, value in element.attrib.items():
                element.set(name, _filled(str(value), texts) or "")
        return found


def read_acknowledgement(file: Path) -> Acknowledgement:
    """Read a template.

    Raises:
        SettingsInvalid: It is no XML, or a whole SOAP message.
        FileNotUsable: It cannot be read.
    """
    try:
        root = read_xml(read_file(file, limit=_MOST_BYTES))
    except MessageRefused as refused:
        raise SettingsInvalid(
            f"{file}: {refused.sentence.replace('the message is refused: it', 'this template')}",
            "Write the element that answers a notification. docs/telekom.md has an example.",
        ) from None
    if etree.QName(root).namespace == SOAP:
        raise SettingsInvalid(
            f"{file}: this template is a whole SOAP message", "Give the element in its Body alone: we make the rest."
        )
    etree.strip_tags(root, etree.Comment)
    return Acknowledgement(root)


def _filled(text: str | None, texts: dict[str, str]) -> str | None:
    return None if text is None else _PLACE.sub(lambda place: texts.get(place[1], ""), text)
