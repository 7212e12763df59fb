"""Approvals have their own table, and a site may need a second person. Approved open rotations stay approved."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0014"
down_revision = "0013"

_rotations = sa.table(
    "rotations",
    sa.column("number", sa.Integer),
    sa.column("step", sa.Integer),
    sa.column("approved", sa.Boolean),
    sa.column("ended_at", UtcDateTime),
    sa.column("looked_at", UtcDateTime),
    sa.column("started_at", UtcDateTime),
)
_audit_events = sa.table(
    "audit_events",
    sa.column("id", sa.Integer),
    sa.column("at", UtcDateTime),
    sa.column("actor", sa.String),
    sa.column("action", sa.String),
    sa.column("facts", sa.JSON),
    sa.column("reason", sa.Text),
)


def upgrade() -> None:
    approvals = op.create_table(
        "approvals",
        sa.Column("rotation", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("step", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("is_alone", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("rotation", "step", "person", name="pk_approvals"),
        sa.ForeignKeyConstraint(["rotation"], ["rotations.number"], name="fk_approvals_rotation"),
    )
    connection = op.get_bind()
    approved = sa.select(_rotations).where(_rotations.c.approved, _rotations.c.ended_at.is_(None))
    rows = [_approval(connection, row) for row in connection.execute(approved)]
    if rows:
        connection.execute(approvals.insert(), rows)
    op.drop_column("rotations", "approved")
    op.add_column("sites", sa.Column("approvals", sa.SmallInteger, nullable=False, server_default="0"))


def _approval(connection: sa.Connection, rotation: sa.Row[Any]) -> dict[str, object]:
    """The row of an approval. The audit log knows whose it was."""
    entries = (
        sa.select(_audit_events)
        .where(_audit_events.c.action == "rotation:approved")
        .order_by(_audit_events.c.id.desc())
    )
    for entry in connection.execute(entries):
        if entry.facts.get("rotation") == str(rotation.number):
            who, at, reason = entry.actor.partition(" as ")[0], entry.at, entry.reason
            break
    else:
        who, at, reason = "unknown user", rotation.looked_at or rotation.started_at, ""
    return {
        "rotation": rotation.number,
        "step": rotation.step,
        "person": who,
        "at": at,
        "reason": reason,
        "is_alone": False,
    }
