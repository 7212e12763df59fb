"""Sites for trials, where virtual locks count as devices. Existing sites are not for trials."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("sites", sa.Column("for_trials", sa.Boolean, nullable=False, server_default=sa.text("false")))
