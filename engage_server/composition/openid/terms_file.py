"""Reads what the settings and ``oidc.toml`` say about the OpenID provider. Everything wrong in them stops the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import urlsplit

from engage_server.composition.operators_listener import address
from engage_server.errors import NotInstalled, SettingsInvalid, UsageError
from engage_server.files.secret_file import read_secret_file
from engage_server.files.toml_table import Matching, Where, parsed_toml, read_table
from engage_server.records import Grant, Role
from engage_server.services.access.openid.terms import OpenIdTerms, subject_of
from engage_server.settings import Settings

_PAGE = "docs/people.md has an example."
_EXTRA = ("authlib", "joserfc", "requests")
_MAX_SUBJECT = 255  # OpenID Connect Core 1.0, section 2
_MAX_ISSUER = 200  # what is stored of a person holds it
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Claim = Annotated[str, Matching(r"[^\x00-\x1f\x7f]{1,200}", "the name of a claim")]
SiteName = Annotated[str, Matching(r"[^\x00-\x1f\x7f]{1,200}", "the name of a site")]


@dataclass(frozen=True, slots=True)
class _GroupKeys:
    """``[groups.NAME]``."""

    role: Literal["viewer", "operator", "approver", "admin"]
    sites: tuple[SiteName, ...] | None = None
    admin: bool = False


@dataclass(frozen=True, slots=True)
class _FileKeys:
    """The whole file."""

    groups: Mapping[str, _GroupKeys]
    groups_claim: Claim = "groups"
    name_claim: Claim = "preferred_username"


@dataclass(frozen=True, slots=True)
class OpenIdFile:
    """``oidc.toml``, read.

    Attributes:
        groups: What each group may do.
        groups_claim, name_claim: See :class:`.OpenIdTerms`.
    """

    groups: Mapping[str, Grant] = field(default_factory=dict)
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"


def is_set(settings: Settings) -> bool:
    """Whether people can sign in at an OpenID provider."""
    return settings.oidc_issuer is not None


def base_of(settings: Settings) -> str:
    """Return the URL at which browsers reach the operators' listener, as the provider knows it. "": there is none."""
    return address(settings, by_browser=True) if is_set(settings) else ""


def stored_subject(settings: Settings, subject: str) -> str:
    """Return what is stored of a person who is this subject at the provider.

    Raises:
        UsageError: There is no provider, or this is no subject.
    """
    if settings.oidc_issuer is None:
        raise UsageError("no OpenID provider is set, so nobody has a subject there", "Set oidc_issuer first.")
    if not subject.strip() or len(subject) > _MAX_SUBJECT:
        raise UsageError(
            f"an OpenID subject has 1 to {_MAX_SUBJECT} characters", "Copy it from the provider's page of the person."
        )
    return subject_of(settings.oidc_issuer, subject)


def assert_set(settings: Settings) -> OpenIdTerms:
    """Return on what terms people sign in at the provider.

    Raises:
        SettingsInvalid: None is set, or something about it cannot be used.
        NotInstalled: The extra is not installed.
    """
    terms = read_openid_terms(settings)
    if terms is None:
        raise SettingsInvalid("no OpenID provider is set", "Set oidc_issuer. See docs/people.md.")
    return terms


def assert_installed() -> None:
    """Refuse to start without what the extra installs.

    Raises:
        NotInstalled: A package is missing.
    """
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise NotInstalled(
            f"oidc_issuer is set, and signing in there needs {missing[0]}, which is not installed here",
            "Install it: pip install --require-hashes -r requirements-oidc.lock. Or leave oidc_issuer out.",
        )


def read_openid_terms(settings: Settings) -> OpenIdTerms | None:
    """Return on what terms people sign in at the provider. None if no provider is set.

    Args:
        settings: The settings.

    Raises:
        SettingsInvalid: A setting or a line of the file cannot be used, or belongs to no provider.
        NotInstalled: The extra is not installed.
    """
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None:
        if client_id is not None or settings.oidc_client_secret_file is not None:
            raise SettingsInvalid(
                "oidc_client_id or oidc_client_secret_file is set, but oidc_issuer is not",
                "Set oidc_issuer to the URL of the provider. Or leave them all out.",
            )
        return None
    assert_installed()
    _assert_issuer(issuer)
    if not client_id:
        raise SettingsInvalid(
            "oidc_issuer is set, but oidc_client_id is not", "Set it to what the provider calls this server."
        )
    scopes = tuple(settings.oidc_scopes.split())
    if "openid" not in scopes:
        raise SettingsInvalid("setting oidc_scopes: openid must be one of them", 'Write "openid profile email".')
    file = read_openid_file(Where(settings.oidc_file))
    secret_file = settings.oidc_client_secret_file
    return OpenIdTerms(
        issuer=issuer,
        client_id=client_id,
        client_secret=None if secret_file is None else read_secret_file(secret_file),
        scopes=scopes,
        base=base_of(settings),
        groups=file.groups,
        groups_claim=file.groups_claim,
        name_claim=file.name_claim,
        ca_file=settings.oidc_ca_file,
    )


def read_openid_file(where: Where) -> OpenIdFile:
    """Read ``oidc.toml``.

    Raises:
        SettingsInvalid: Something in it is missing, unknown or wrong.
    """
    keys = read_table(_FileKeys, parsed_toml(where, "oidc_file", _PAGE), where)
    at = where.below("groups")
    if not keys.groups:
        raise at.refused("there is no group, so nobody could sign in", f"Add one: [groups.NAME]. {_PAGE}")
    groups = {name: _grant(group, at.below(name)) for name, group in keys.groups.items()}
    return OpenIdFile(groups, keys.groups_claim, keys.name_claim)


def _grant(keys: _GroupKeys, where: Where) -> Grant:
    """Return what a group may do. A role that can change roles is never given by a slip of one word."""
    role = Role(keys.role)
    if (role is Role.ADMIN) is not keys.admin:
        fix = (
            'Add a line: admin = true. Or write role = "approver".'
            if role is Role.ADMIN
            else 'Remove the line admin. Or write role = "admin".'
        )
        raise where.refused("admins need both: the role admin, and the line admin = true", fix, "role")
    if keys.sites == ():
        raise where.refused(
            "it names no site", "Name one. Or remove the line: then the role holds everywhere.", "sites"
        )
    return Grant(role, None if keys.sites is None else frozenset(keys.sites))


def _assert_issuer(issuer: str) -> None:
    try:
        parts = urlsplit(issuer)
        is_url = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        is_url = False
    if not is_url or any(each.isspace() for each in issuer) or len(issuer) > _MAX_ISSUER:
        raise SettingsInvalid(
            f"setting oidc_issuer: it must be a URL of at most {_MAX_ISSUER} characters, without a query",
            "Write what the provider's /.well-known/openid-configuration says as issuer.",
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingsInvalid(
            "setting oidc_issuer: it must begin with https://", "Only a provider on this machine may do without."
        )
