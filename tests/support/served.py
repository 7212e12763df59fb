"""The corpus as TLS servers send it: which chains can be sent at all, with which key, and what is trusted."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.defects import Plan, right_plan

HOST = "localhost"  # one of the hosts that the right chain is for

NOT_SERVED = {
    "server_missing": "there is no server certificate",
    "sent_upside_down": "OpenSSL loads no certificate in front that is not its key's",
    "sent_root_first": "the same",
    "extension_twice": "OpenSSL does not load it as a server's certificate",
}


def parts_of(plan: Plan) -> tuple[tuple[x509.Certificate, ...], rsa.RSAPrivateKey, x509.Certificate]:
    """What is sent, the server's key, and what is trusted."""
    certificates = plan.certificates()
    below_root = [certificate for role, certificate in reversed(certificates.items()) if role != "root"]
    sent = tuple(plan.sent_of(certificates)) if plan.sent else tuple(below_root)
    given = plan.anchor_certificate
    trusted = (certificates.get(given or "root")) if isinstance(given, str) else given
    key = plan.drafts["server"].key
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return sent, key, trusted or right_plan().certificates()["root"]  # type: ignore[return-value]  # or EC
