"""The tables of people and tokens. They belong to the same schema as those in ``tables``, and need migrations too."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from engage_server.store.tables import UtcDateTime, metadata

people = Table(
    "people",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("sites", JSON(none_as_null=True)),  # NULL: all sites
    Column("state", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("subject", String(512), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime),
)

# One-time links with which a person sets a password. Only a digest of the secret in the link is here.
invitations = Table(
    "invitations",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("people.name"), nullable=False, index=True),
    Column("ends_at", UtcDateTime, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("people.name"), nullable=False, index=True),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("address", String(64), nullable=False),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("maker", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("sites", JSON(none_as_null=True)),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("person", String(64)),
)

# Failed sign-ins by name and by address, as digests: nobody needs to read what strangers typed.
attempts = Table(
    "attempts",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)
Index("ix_attempts_last_at", attempts.c.last_at)

# Requests that their callers may send again: the entry of the audit log says what each did.
keyed_requests = Table(
    "keyed_requests",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", String(64), nullable=False),
    Column("entry", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
Index("ix_keyed_requests_at", keyed_requests.c.at)
