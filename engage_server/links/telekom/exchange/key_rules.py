"""Rules on keys: none is shared, short, in the wrong place or open to others."""

from collections.abc import Iterator
from itertools import combinations

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.checks.finding import Finding
from engage_server.links.telekom.exchange.case import Case, label
from engage_server.links.telekom.exchange.codes import finding
from engage_server.links.telekom.exchange.sheet import ITEMS, OWN, THEIRS
from engage_server.pki.keys import public_key_der

_LEAST_BITS = 2048


def keys_are_apart(case: Case) -> Iterator[Finding]:
    """No key stands in two of your four items."""
    sources = {sign: {public_key_der(public): source for source, public in case.public_keys(sign)} for sign in OWN}
    for one, other in combinations(OWN, 2):
        for public in sources[one].keys() & sources[other].keys():
            in_both = ITEMS[one].environment != ITEMS[other].environment
            code = "key_in_both_environments" if in_both else "key_in_both_uses"
            what = "in both environments" if in_both else "for signatures and for TLS"
            files = f"{label(one, sources[one][public])} and {label(other, sources[other][public])}"
            yield finding(code, f"one private key is used {what}: {files}", f"{one} and {other}")


def telekoms_certificates_are_theirs(case: Case) -> Iterator[Finding]:
    """None of Telekom's certificates has one of your keys."""
    ours = {public_key_der(public): label(sign, source) for sign in OWN for source, public in case.public_keys(sign)}
    for each in case.current(THEIRS):
        own = ours.get(public_key_der(each.certificate.public_key()))
        if own is not None:
            yield finding("own_certificate", f"it has your own key, that of {own}", label(each.sign, each.source))


def keys_are_long_enough(case: Case) -> Iterator[Finding]:
    """All keys are RSA keys with 2048 bits or more."""
    seen: dict[bytes, tuple[str, PublicKeyTypes]] = {}
    for sign in OWN + THEIRS:
        for source, public in case.public_keys(sign):
            seen.setdefault(public_key_der(public), (label(sign, source), public))
    for about, public in seen.values():
        if not isinstance(public, rsa.RSAPublicKey):
            yield finding("key_not_rsa", f"its key is {type(public).__name__.strip('_')}, not RSA", about)
        elif public.key_size < _LEAST_BITS:
            yield finding(
                "key_too_small",
                f"its key has {public.key_size} bits; Telekom demands at least {_LEAST_BITS}",
                about,
                measured=f"{public.key_size} bits",
                limit=f"{_LEAST_BITS} bits",
            )


def keys_belong(case: Case) -> Iterator[Finding]:
    """Each of your certificates has its private key, and is that of its request."""
    for each in case.current(OWN):
        about = label(each.sign, each.source)
        wanted = public_key_der(each.certificate.public_key())
        opened = [key for key in case.keys(each.sign) if key.public is not None]
        locked = [key for key in case.keys(each.sign) if key.public is None]
        if any(public_key_der(key.public) == wanted for key in opened if key.public is not None):
            continue
        if opened and not locked:
            yield finding("key_mismatch", f"the private key in {opened[0].source} does not belong to it", about)
        elif locked:
            yield finding("key_locked", f"{locked[0].source} is locked, so its key was not compared", about)
        else:
            yield finding("key_missing", "its private key is not among the files", about)
        requested = [public_key_der(one.request.public_key()) for one in case.requests(each.sign)]
        if requested and wanted not in requested:
            yield finding("request_mismatch", f"it has another key than {case.requests(each.sign)[0].source}", about)


def secrets_are_kept(case: Case) -> Iterator[Finding]:
    """Keys are encrypted, and nobody else can read keys and secrets."""
    for key in case.found.keys:
        about = label(key.sign, key.source)
        if not key.is_encrypted:
            yield finding("key_unencrypted", "the private key is not encrypted", about)
        if key.is_open_to_others:
            yield _open(about, key.source)
    for secret in case.found.secrets:
        about = label(secret.sign, secret.source)
        if secret.is_empty:
            yield finding("secret_empty", "the file is empty", about)
        if secret.is_open_to_others:
            yield _open(about, secret.source)


def _open(about: str, source: str) -> Finding:
    return finding("readable_by_others", "other users can read this file", about, fix=f"chmod 600 {source}")
