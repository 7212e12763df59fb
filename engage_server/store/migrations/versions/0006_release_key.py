"""Releases' private keys get their own key. Its seal probe finds a wrong release key at the start.

:func:`engage_server.store.schema.upgrade` seals the private keys again, in the same transaction.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("installation", sa.Column("release_seal_probe", sa.LargeBinary))
