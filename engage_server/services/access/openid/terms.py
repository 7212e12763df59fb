"""What the settings say about the OpenID provider, and what its groups may do here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engage_server.records import Grant, Role, Secret

RETURN_PATH = "/sign-in/openid/return"


@dataclass(frozen=True, slots=True)
class OpenIdTerms:
    """On what terms people sign in at the provider.

    Attributes:
        issuer: The provider, to the letter as its own metadata and its tokens say it.
        client_id: What the provider calls us.
        client_secret: Ours at the provider. None for a public client, which PKCE protects alone.
        scopes: What is asked for. ``openid`` is in it.
        base: The URL at which browsers reach us, without a path. The provider knows it with :data:`RETURN_PATH`.
        groups: What each group may do.
        groups_claim, name_claim: The claims that hold a person's groups and name.
        ca_file: PEM file with the authorities of the provider's certificate. None: those of this system.
    """

    issuer: str
    client_id: str
    client_secret: Secret | None
    scopes: tuple[str, ...]
    base: str
    groups: Mapping[str, Grant] = field(default_factory=dict)
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    ca_file: Path | None = None

    @property
    def return_url(self) -> str:
        """Where the provider sends browsers back to."""
        return self.base + RETURN_PATH


def subject_of(issuer: str, sub: str) -> str:
    """Return what is stored of a person: who says who they are, and who they are there. No issuer has a space in it."""
    return f"{issuer} {sub}"


def grant_of(groups: Collection[str], table: Mapping[str, Grant]) -> Grant | None:
    """Return what somebody in these groups may do. None: nothing, because none of the groups is in the table.

    The highest role counts. Its sites are those of all groups that give this role. A lower role at further sites is
    lost: one person has one role.
    """
    given = [table[group] for group in groups if group in table]
    if not given:
        return None
    role = max((each.role for each in given), key=list(Role).index)
    of_role = [each.sites for each in given if each.role is role]
    named = [sites for sites in of_role if sites is not None]
    return Grant(role, frozenset().union(*named) if len(named) == len(of_role) else None)
