"""The names that WS-Security 1.0, XML Signature and SOAP 1.1 give to things, and the limits of the portal."""

from datetime import timedelta

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"  # also the namespace of InclusiveNamespaces

ENVELOPE, HEADER, BODY = (f"{{{SOAP}}}{name}" for name in ("Envelope", "Header", "Body"))
SECURITY, TOKEN, TOKEN_REFERENCE, KEY_REFERENCE = (
    f"{{{WSSE}}}{name}" for name in ("Security", "BinarySecurityToken", "SecurityTokenReference", "Reference")
)
TIMESTAMP, CREATED, EXPIRES, WSU_ID = (f"{{{WSU}}}{name}" for name in ("Timestamp", "Created", "Expires", "Id"))
SIGNATURE, SIGNED_INFO, SIGNATURE_VALUE, KEY_INFO = (
    f"{{{DS}}}{name}" for name in ("Signature", "SignedInfo", "SignatureValue", "KeyInfo")
)
CANONICALISATION, SIGNATURE_METHOD, REFERENCE, TRANSFORMS, TRANSFORM, DIGEST_METHOD, DIGEST_VALUE = (
    f"{{{DS}}}{name}"
    for name in (
        "CanonicalizationMethod",
        "SignatureMethod",
        "Reference",
        "Transforms",
        "Transform",
        "DigestMethod",
        "DigestValue",
    )
)
INCLUSIVE_PREFIXES = f"{{{EXCLUSIVE}}}InclusiveNamespaces"
MUST_UNDERSTAND = f"{{{SOAP}}}mustUnderstand"

X509_TOKEN = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"  # noqa: S105  # a name
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

# RFC 9231; SHA-1 is not among them, so no setting can turn it on
SIGNATURE_ALGORITHMS = {
    f"rsa-sha{bits}": f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}" for bits in (256, 384, 512)
}
DIGEST_ALGORITHMS = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
}

LIFETIME = timedelta(seconds=300)  # "TTL set to 5 minutes": Connectivity API Setup, section 4.3
SKEW = timedelta(seconds=60)  # how far the two clocks may differ

MAX_BYTES = 256 * 1024
MAX_DEPTH = 50
MAX_ELEMENTS = 10_000
MAX_REFERENCES = 8
# the work for these grows with their square, and anybody may send a message
MAX_ATTRIBUTES = 64  # of one element
MAX_NAMESPACES = 200  # declarations in the whole message
MAX_PREFIXES = 64  # in one PrefixList
