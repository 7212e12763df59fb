"""Releases' private keys under a key of their own: what finds a wrong one at the start.

The keys themselves are sealed anew by :func:`engage_server.store.schema.upgrade`, in the same transaction.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("installation", sa.Column("release_seal_probe", sa.LargeBinary))
