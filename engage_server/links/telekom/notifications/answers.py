"""The answers to the portal: a signed message, or the Fault of SOAP 1.1."""

from datetime import datetime

from lxml import etree

from engage_server.links.ingress.call import Answer
from engage_server.links.telekom.messages.names import SOAP
from engage_server.links.telekom.messages.signing import Signer, envelope, sign_envelope

_XML = "text/xml; charset=utf-8"
REFUSED = "The message was refused."
NOT_NOW = "The message cannot be handled now. Send it again later."


def signed(content: etree._Element, signer: Signer, at: datetime, status: int = 200) -> Answer:
    """Return an answer that is signed. Only a caller whose message was verified gets one.

    Args:
        content: What stands in its Body.
        signer: What it is signed with.
        at: Now.
        status: The HTTP status.
    """
    return Answer(status, sign_envelope(envelope(content), signer, at), _XML)


def refused(status: int = 500) -> Answer:
    """Return the Fault for anybody whose message was refused. It is the same for every reason, and it is not signed.

    A signature costs as much as a verification, and so would let strangers use up this host.
    """
    return Answer(
        status, etree.tostring(envelope(fault("Client", REFUSED)), xml_declaration=True, encoding="UTF-8"), _XML
    )


def fault(code: str, text: str) -> etree._Element:
    """Return a Fault without detail (SOAP 1.1 section 4.4).

    Args:
        code: ``Client`` or ``Server``.
        text: The sentence.
    """
    found = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(found, "faultcode").text = f"soap:{code}"
    etree.SubElement(found, "faultstring").text = text
    return found
