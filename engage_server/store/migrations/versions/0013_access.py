"""People, their sign-ins, and tokens of other systems."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    _people()
    _tokens()
    _attempts()


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("sites", sa.JSON),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
    )
    op.create_table(
        "invitations",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("ends_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_invitations"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_invitations_person"),
    )
    op.create_index("ix_invitations_person", "invitations", ["person"])
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("began_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_ins"),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name="fk_sign_ins_person"),
    )
    op.create_index("ix_sign_ins_person", "sign_ins", ["person"])


def _tokens() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("maker", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("sites", sa.JSON),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("ends_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.PrimaryKeyConstraint("number", name="pk_access_tokens"),
        sa.UniqueConstraint("name", name="uq_access_tokens_name"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_attempts"),
    )
    op.create_index("ix_attempts_last_at", "attempts", ["last_at"])
