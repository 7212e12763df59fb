"""Releases store their chain as DER, and the public half of their private key beside the sealed key.

:func:`engage_server.store.schema.upgrade` fills in the public halves, in the same transaction: it has the key that
opens the private keys.
"""

import base64
import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def upgrade() -> None:
    op.add_column("releases", sa.Column("chain_der", sa.LargeBinary, nullable=False, server_default=""))
    op.add_column("releases", sa.Column("public_key", sa.LargeBinary))
    releases = sa.table(
        "releases",
        sa.column("id", sa.Integer),
        sa.column("chain_pem", sa.LargeBinary),
        sa.column("chain_der", sa.LargeBinary),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(releases.c.id, releases.c.chain_pem)).all():
        ders = b"".join(base64.b64decode(block) for block in _PEM.findall(row.chain_pem))
        connection.execute(sa.update(releases).where(releases.c.id == row.id).values(chain_der=ders))
    op.drop_column("releases", "chain_pem")
