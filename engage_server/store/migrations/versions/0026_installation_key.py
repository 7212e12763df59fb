"""The installation key, between the key-encryption key and everything that is sealed.

:func:`engage_server.store.schema.upgrade` makes it, seals everything again and signs the audit log again, in the same
transaction. The seal of the log's end gets another column. So a program of before, which still runs, cannot append to
the log under the key of before: its act fails, and changes nothing.
"""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute("ALTER TABLE installation RENAME COLUMN audit_seal TO audit_end")
    op.add_column("audit_events", sa.Column("earlier_hash", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "key_wraps",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "key_rotations",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("old", sa.String(16), nullable=False),
        sa.Column("new", sa.String(16), nullable=False),
        sa.Column("begun_at", UtcDateTime, nullable=False),
        sa.Column("begun_by", sa.String(128), nullable=False),
        sa.Column("is_decided", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.CheckConstraint("id = 1", name="single_row"),
    )
    op.create_table(
        "key_holders",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("place", sa.String(1024), primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.Column("read_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
    )
