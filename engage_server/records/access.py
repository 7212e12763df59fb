"""Who may do what: roles, people, sign-ins and access tokens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do. Each may also do what the ones before it may. Values are stored: never rename one."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do everything that the other one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and where it holds.

    Attributes:
        role: The role.
        sites: The names of the sites where it holds. None: at all sites, and for what belongs to no site.
    """

    role: Role
    sites: frozenset[str] | None = None

    def includes(self, other: "Grant") -> bool:
        """Whether the holder of this grant may hand on the other one."""
        covers = self.sites is None or (other.sites is not None and other.sites <= self.sites)
        return covers and self.role.includes(other.role)

    def holds_at(self, site: str) -> bool:
        """Whether it holds at a site. "" is what belongs to no site: only a grant for all sites holds there."""
        return self.sites is None or site in self.sites


class ActorKind(StrEnum):
    """Which face somebody came through."""

    COMMAND_LINE = "command line"
    PERSON = "person"
    TOKEN = "token"  # noqa: S105  # a kind, not a secret
    SERVERS = "servers"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        name: As the audit log has it.
        kind: Which face they came through.
        grant: What they may do. None for the command line and for the servers themselves, which may do everything.
    """

    name: str
    kind: ActorKind
    grant: Grant | None = None


class PersonState(StrEnum):
    """Whether a person may sign in. Values are stored: never rename one."""

    INVITED = "invited"
    ACTIVE = "active"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who may sign in.

    Attributes:
        name: The name that they sign in with. The audit log has it.
        grant: What they may do.
        state: Invited until they set a password.
        password_hash: Argon2id's text. "" before they set a password, and for those who sign in elsewhere.
        subject: Who they are at an OpenID provider: issuer and subject. "" for none.
        created_at: Aware, UTC.
        seen_at: When they last signed in. None: never.
    """

    name: str
    grant: Grant
    state: PersonState
    password_hash: str
    subject: str
    created_at: datetime
    seen_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Person({self.name!r}, {self.grant.role}, {self.state})"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person's session.

    Attributes:
        digest: SHA-256 of the secret in the cookie, in hexadecimal. The secret is stored nowhere.
        person: The person's name.
        began_at, seen_at: Aware, UTC. ``seen_at`` is exact to a minute.
        address: Where it began.
    """

    digest: str
    person: str
    began_at: datetime
    seen_at: datetime
    address: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token of another system.

    Attributes:
        number: The middle part of the token: it finds the row, and is no secret.
        name: The operator's name for it.
        maker: Who made it, as the audit log has them.
        grant: What it may do: never more than its maker may.
        digest: SHA-256 of its secret part, in hexadecimal.
        created_at, ends_at: Aware, UTC.
        used_at: Exact to an hour. None: never.
        revoked_at: None while it is not revoked.
        person: The person who signed in and made it. It is revoked when they may no longer do what it may. "" if it was
            made on the command line.
    """

    number: str
    name: str
    maker: str
    grant: Grant
    digest: str
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    person: str = ""

    def is_usable(self, now: datetime) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and now < self.ends_at

    def __repr__(self) -> str:
        return f"AccessToken({self.number!r}, {self.name!r}, {self.grant.role})"
