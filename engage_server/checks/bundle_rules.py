"""What came along with the path, and how a TLS server sends it."""

from collections.abc import Iterator

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity, about


def nothing_unrelated(case: ChainCase) -> Iterator[Finding]:
    """Every certificate that is there is part of the path."""
    for certificate in case.unrelated:
        yield Finding(
            Severity.WARNING,
            "bundle.unrelated",
            sentence="it is no part of the path from the server certificate to the root",
            certificate=about(certificate),
            source="RFC 8446 section 4.4.2: extraneous certificates should be avoided",
            mend="Take it out: a server that sends it spends the device's memory.",
        )


def nothing_twice(case: ChainCase) -> Iterator[Finding]:
    """No certificate is sent twice."""
    if case.sent is None:
        return
    for certificate in dict.fromkeys(case.sent):
        if case.sent.count(certificate) > 1:
            yield Finding(
                Severity.WARNING,
                "sent.twice",
                sentence="the server sends it more than once",
                certificate=about(certificate),
                source="RFC 8446 section 4.4.2",
                mend="Leave one in partner_server.pem.",
            )


def root_is_not_sent(case: ChainCase) -> Iterator[Finding]:
    """A root that is sent proves nothing, and may count twice in a device's memory."""
    if case.sent is not None and case.root in case.sent and len(case.path) > 1:
        yield Finding(
            Severity.WARNING,
            "sent.root",
            sentence="the server sends the root, which devices have already",
            certificate=about(case.path[-1]),
            source="RFC 5246 section 7.4.2: the root may be left out",
            mend="Take it out of partner_server.pem.",
        )


def sent_in_order(case: ChainCase) -> Iterator[Finding]:
    """The server certificate comes first, and each one is followed by its issuer; none is left out."""
    if case.sent is None:
        return
    wanted = case.path[:-1] if case.root and len(case.path) > 1 else case.path
    sent = tuple(certificate for certificate in dict.fromkeys(case.sent) if certificate in wanted)
    if len(sent) < len(wanted):
        missing = ", ".join(about(certificate) for certificate in wanted if certificate not in sent)
        yield Finding(
            Severity.ERROR,
            "sent.incomplete",
            sentence=f"the server does not send {missing}: devices can not find the way to their anchor",
            certificate="",
            source="RFC 5246 section 7.4.2; the vendor's sample makes this mistake",
            mend="Put the server certificate and then its intermediates into partner_server.pem.",
        )
    elif sent != wanted:
        yield Finding(
            Severity.ERROR,
            "sent.order",
            sentence="the server sends the certificates in the wrong order",
            certificate="",
            source="RFC 5246 section 7.4.2: each following certificate must certify the one before",
            mend="Put the server certificate first in partner_server.pem, then its issuer, and so on.",
        )
