"""The message token: SHA-256 over the body and the shared secret.

The document says ``messageToken = sha256({requestBody}{sharedSecret})``. The body is hashed as raw bytes. Two public
receivers hash the JSON that they wrote again. They reject genuine messages, because ``1.500000`` becomes ``1.5``.

The token has no time and no number in it, so a message that was recorded is accepted again. Callers must see to that.
"""

import hashlib
import hmac

from engage_server.records import Secret

FIELD = "things-message-token"
SENT_FIELD = "Things-Message-Token"


def message_token(body: bytes, secret: Secret) -> str:
    """Return the token of a body: 64 hexadecimal digits in lower case."""
    return hashlib.sha256(body + secret.reveal()).hexdigest()


def is_genuine(tokens: tuple[str, ...], body: bytes, secret: Secret) -> bool:
    """Check the tokens that came with a body. It takes the same time for every token of the same length.

    Args:
        tokens: The values of all fields named ``Things-Message-Token``. Exactly one must be there.
        body: The raw bytes, as received.
        secret: The shared secret.
    """
    given = tokens[0] if len(tokens) == 1 else ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), message_token(body, secret).encode())
