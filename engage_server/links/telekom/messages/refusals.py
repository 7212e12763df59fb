"""Why a message is refused: each reason has its own code and one sentence. Neither repeats what the message holds."""

from engage_server.errors import Refused

_AGREE = "Ask the sender to sign as docs/telekom.md describes."
_CLOCKS = "Compare the clocks of both systems."
_SHEET = "Compare the certificate with the one of the exchange sheet."

# code without "wsse." -> what is wrong, and what to do if that is not the same for all
REASONS: dict[str, tuple[str, str]] = {
    "too_large": ("it has more than 256 KiB", ""),
    "encoding": ("it is not UTF-8 or UTF-16, or it declares another encoding", ""),
    "dtd": ("it has a document type or an entity, which SOAP 1.1 forbids", ""),
    "not_xml": ("it is not well-formed XML 1.0", ""),
    "too_deep": ("its elements are nested deeper than 50", ""),
    "too_many_elements": ("it has more than 10,000 elements", ""),
    "too_many_attributes": ("an element of it has more than 64 attributes", ""),
    "too_many_namespaces": ("it has more than 200 declarations of namespaces", ""),
    "processing_instruction": ("it has a processing instruction, which SOAP 1.1 forbids", ""),
    "not_soap": ("its root is not the Envelope of SOAP 1.1 with one Header, then one Body", ""),
    "header": ("it has no Header, or more than one", ""),
    "body": ("it has no Body, or more than one", ""),
    "security": ("it has no Security header, or more than one", ""),
    "timestamp": ("it has no Timestamp in its Security header, or more than one", ""),
    "signature": ("it has no Signature in its Security header, or more than one", ""),
    "token": ("it does not carry exactly one X.509 certificate as BinarySecurityToken", _AGREE),
    "unexpected_in_security": ("its Security header has an element that is not expected there", _AGREE),
    "text_between": ("there is text between elements where only elements belong", ""),
    "comment": ("its Security header has a comment", ""),
    "must_understand": ("it has a header that must be understood, and that is unknown here", ""),
    "duplicate_id": ("two elements have the same id", ""),
    "signed_info": ("its Signature has elements or attributes that are not expected there", _AGREE),
    "canonicalisation": ("it is not canonicalised by Exclusive XML Canonicalization without comments", _AGREE),
    "signature_algorithm": ("its signature algorithm is not allowed", _AGREE),
    "digest_algorithm": ("a digest algorithm is not allowed", _AGREE),
    "transform": ("a reference has other transforms than Exclusive XML Canonicalization alone", _AGREE),
    "references": ("it has no reference, more than eight, or two of the same element", ""),
    "reference_uri": ("a reference does not name an element of this message by its wsu:Id", _AGREE),
    "key_reference": ("its KeyInfo does not name the BinarySecurityToken of this message", _AGREE),
    "base64": ("a digest, a signature value or a certificate is not Base64", ""),
    "token_not_pinned": ("it carries another certificate than the one that was agreed", _SHEET),
    "certificate_not_valid": ("the sender's certificate has expired, or is not valid yet", _SHEET),
    "body_not_signed": ("its Body is not signed", _AGREE),
    "timestamp_not_signed": ("its Timestamp is not signed", _AGREE),
    "token_not_signed": ("its BinarySecurityToken is not signed", _AGREE),
    "signature_wrong": ("its signature is wrong, or what is signed was changed", ""),
    "timestamp_form": ("its Timestamp does not have one Created and one Expires, each in UTC", _AGREE),
    "lifetime": ("it is valid for longer than 300 seconds, or for no time", _AGREE),
    "future": ("it was created in the future", _CLOCKS),
    "stale": ("it has expired", _CLOCKS),
    "replayed": ("it was received before", ""),
    "replays_full": ("more messages than this host remembers were received within six minutes", ""),
}


class MessageRefused(Refused):
    """A message is not accepted. The code says why: ``wsse.stale``."""

    default_code = "wsse"


def refusal(reason: str) -> MessageRefused:
    """Return the error for one of :data:`REASONS`."""
    sentence, next_step = REASONS[reason]
    return MessageRefused(f"the message is refused: {sentence}", next_step, code=f"wsse.{reason}")
