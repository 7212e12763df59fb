"""What small TLS stacks refuse and OpenSSL, on which the virtual lock is built, does not."""

from collections.abc import Sequence

from cryptography import x509

from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.chain import is_issued_by
from engage_server.pki.names import comparable, display_name


def assert_small_stacks_take(sent: Sequence[x509.Certificate]) -> None:
    """Refuse names that are empty, and an issuer behind a namesake that is none, as mbed TLS does.

    Args:
        sent: What the TLS server sends, the server certificate first.

    Raises:
        DeviceRefusal: It is one of the two.
    """
    for certificate in sent:
        if not list(certificate.issuer):
            raise DeviceRefusal(
                f"{display_name(certificate.subject)}: the name of its issuer is empty",
                "Use a CA that has a name: RFC 5280 section 4.1.2.4.",
            )
    for place, certificate in enumerate(sent):
        namesakes = [each for each in sent[place + 1 :] if comparable(each.subject) == comparable(certificate.issuer)]
        if (
            namesakes
            and not is_issued_by(certificate, namesakes[0])
            and any(is_issued_by(certificate, each) for each in namesakes)
        ):
            raise DeviceRefusal(
                f"{display_name(certificate.subject)}: a certificate with its issuer's name and another key is sent "
                "before its issuer",
                "Send the server certificate, then its issuer, and so on: RFC 5246 section 7.4.2.",
            )
