"""Tokens that people made, not the command line: they may never do more than those people."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("person", sa.String(64)))
