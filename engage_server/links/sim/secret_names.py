"""Which names of fields mean a secret, however a contract spells them. Pure.

Some things are not for a screen. Of a SIM: its keys (Ki, OPc and those for the air), and the codes that unlock it. Of
others: shared keys of tunnels, passwords and tokens.

A name is split into its words first: ``pukCode``, ``PUK_CODE`` and ``puk-code`` are one.
"""

import re
from typing import Final

# one word of the name is enough
_WORDS: Final = frozenset(
    [
        "adm",
        "cvv",
        "ki",
        "kic",
        "kid",
        "kik",
        "opc",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "pin",
        "psk",
        "puk",
        "pwd",
        "secret",
        "token",
        "credential",
    ]
)
_WHOLE: Final = frozenset(("op", "k", "pass", "auth"))  # only if the name is nothing else
# of keys: publicKey, keyId and primaryKey are no secrets
_OF_KEY: Final = frozenset(
    [
        "access",
        "admin",
        "api",
        "auth",
        "authentication",
        "cipher",
        "ciphering",
        "client",
        "encryption",
        "hmac",
        "integrity",
        "master",
        "private",
        "pre",
        "preshared",
        "session",
        "shared",
        "signing",
        "sim",
        "symmetric",
        "tls",
        "transport",
        "tunnel",
        "vpn",
        "webhook",
        "wpa",
    ]
)
# written together, in one case
_TOGETHER: Final = re.compile(
    r"secret|passw|passphrase|passcode|psk|token|credential|"
    r"(?:pin|puk|adm)(?:code|number)?\d*$|^(?:pin|puk)\d|(?:pin|puk)code|"
    r"(?:access|api|auth|authentication|encryption|private|preshared|shared|signing|ki|opc)_?key"
)
_PARTS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def is_secret(name: str) -> bool:
    """Whether a field of this name holds what nobody may see."""
    words = [each.lower() for each in _PARTS.findall(name)]
    together = "".join(words)
    if together in _WORDS or together in _WHOLE or any(each.removesuffix("s") in _WORDS for each in words):
        return True
    if "key" in (words[-1:] or [""])[0] and any(each in _OF_KEY for each in words):
        return True
    return _TOGETHER.search(together) is not None
