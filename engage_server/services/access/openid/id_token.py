"""Verifies an ID token (OpenID Connect Core 1.0, section 3.1.3.7). Pure: keys and time are arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.errors import ExpiredTokenError as Expired
from joserfc.jwk import ECKey, RSAKey

from engage_server.errors import Refused
from engage_server.services.access.openid.refusals import refused

# What we accept: signatures with the provider's private key, of kinds that every provider can make
ALGORITHMS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey}
SKEW_SECONDS = 60
MAX_TOKEN_CHARACTERS = 64 * 1024
_MAX_SUBJECT = 255  # OpenID Connect Core 1.0, section 2
_MIN_RSA_BITS = 2048
_KINDS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
# Providers put what they like into a header. Whether its "crit" names something unknown is checked all the same.
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_header_length = 8192
_CODES = {"iss": "issuer", "aud": "audience", "nonce": "nonce", "exp": "expired", "nbf": "not_yet", "iat": "not_yet"}


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key of the provider.

    Attributes:
        kid: Its name. None if the provider gave it none.
        alg: The only algorithm that it is for. None if the provider does not say.
        key: The key.
    """

    kid: str | None
    alg: str | None
    key: RSAKey | ECKey

    def fits(self, kid: str | None, alg: str) -> bool:
        """Whether it may have signed a token with this header."""
        is_kind = isinstance(self.key, ALGORITHMS[alg]) and self.alg in (None, alg)
        return is_kind and kid in (None, self.kid)


class UnknownKey(Refused):
    """The token names a key that is not there. The provider may have a new one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must say: that this provider made it, for us, in this sign-in."""

    issuer: str
    client_id: str
    nonce: str


def read_keys(document: object, limit: int) -> tuple[ProviderKey, ...]:
    """Read the provider's key set (RFC 7517), without what is no public key for signatures.

    Args:
        document: The set, as JSON.
        limit: The most keys that are read.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    found = (_read_key(each) for each in (listed if isinstance(listed, list) else [])[:limit])
    return tuple(each for each in found if each is not None)


def verify(token: str, keys: Sequence[ProviderKey], expected: Expected, now: datetime) -> Mapping[str, Any]:
    """Return the claims of a token that is genuine, ours, and valid now.

    ``at_hash`` is not looked at: it protects the access token, and nobody uses that here.

    Args:
        token: As the provider sent it.
        keys: The provider's.
        expected: What it must say.
        now: The time; aware.

    Raises:
        UnknownKey: It names a key that is not there.
        Refused: It is anything else that it must not be. The code says what: see :mod:`.refusals`.
    """
    key, alg = _key_for(token, keys)
    try:
        claims = jwt.decode(token, key, algorithms=[alg], registry=_REGISTRY).claims
    except BadSignatureError:
        raise refused("openid.signature") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise refused("openid.malformed") from None
    _assert_claims(claims, expected, int(now.timestamp()))
    return claims


def _key_for(token: str, keys: Sequence[ProviderKey]) -> tuple[RSAKey | ECKey, str]:
    """Return the key that a token names, and its algorithm. What the token says is not trusted yet."""
    header = _header(token)
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise refused("openid.algorithm")
    if kid is not None and not isinstance(kid, str):
        raise refused("openid.malformed")
    fitting = [each for each in keys if each.fits(kid, alg)]
    if len(fitting) != 1:  # without a name, it must be clear which one is meant
        error = refused("openid.key")
        raise UnknownKey(error.sentence, error.next_step, code=error.code)
    return fitting[0].key, alg


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise refused("openid.malformed")
    try:
        header = jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise refused("openid.malformed") from None
    if not isinstance(header, dict):
        raise refused("openid.malformed")
    return header


def _assert_claims(claims: Mapping[str, Any], expected: Expected, now: int) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=now,
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": expected.issuer},
        sub={"essential": True},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
    )
    try:
        registry.validate(dict(claims))
    except MissingClaimError:
        raise refused("openid.malformed") from None
    except Expired:
        raise refused("openid.expired") from None
    except InvalidClaimError as error:
        raise refused(f"openid.{_CODES.get(str(error.claim), 'malformed')}") from None
    audience, party = claims["aud"], claims.get("azp")
    is_alone = isinstance(audience, str) or len(audience) == 1
    if (party is not None or not is_alone) and party != expected.client_id:
        raise refused("openid.party")
    if not isinstance(claims["nonce"], str) or not 0 < len(claims["sub"]) <= _MAX_SUBJECT:
        raise refused("openid.malformed")


def _read_key(document: object) -> ProviderKey | None:
    """Return a key. None for one that is not used for signatures here, such as a symmetric one."""
    if not isinstance(document, dict) or document.get("use") not in (None, "sig"):
        return None
    kid, alg, kind = document.get("kid"), document.get("alg"), _KINDS.get(str(document.get("kty")))
    if kind is None or alg not in (None, *ALGORITHMS) or not isinstance(kid, str | None):
        return None
    try:
        key = kind.import_key({name: value for name, value in document.items() if name != "key_ops"})
        is_strong = _is_strong(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return ProviderKey(kid, alg, key) if is_strong else None


def _is_strong(key: RSAKey | ECKey) -> bool:
    return key.public_key.key_size >= _MIN_RSA_BITS if isinstance(key, RSAKey) else key.curve_name == "P-256"
