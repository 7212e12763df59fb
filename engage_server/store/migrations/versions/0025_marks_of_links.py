"""What each link said, in the order of time, and all its cuts, in place of the last one."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0025"
down_revision = "0024"

_OLD = ("cut_since", "cut_at", "cut_until", "worked_since", "worked_until")
_TIMES = (*_OLD, "works_since", "works_at", "trouble_since", "trouble_at", "registered_at", "removed_at", "restored_at")
_before = sa.table(
    "link_standings",
    *(sa.column(name, sa.String) for name in ("link", "site", "works_by", "trouble", "trouble_by")),
    *(sa.column(name, UtcDateTime) for name in _TIMES),
    *(sa.column(name, sa.JSON) for name in ("marks", "cuts")),
)


def upgrade() -> None:
    op.add_column("link_standings", sa.Column("former_site", sa.String(64), nullable=False, server_default=""))
    for name in ("marks", "cuts"):
        op.add_column("link_standings", sa.Column(name, sa.JSON, nullable=False, server_default="[]"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(_before)).all():
        kept = sa.update(_before).where(_before.c.link == row.link)
        connection.execute(kept.values(marks=_marks(row), cuts=_cuts(row)))
    for name in _OLD:
        op.drop_column("link_standings", name)


def _marks(row: Any) -> list[list[str]]:
    """What is known of the past: the last cut and its end, the last trouble, and the last run of good words."""
    marks: list[tuple[datetime, datetime, str, str, str]] = []
    if row.cut_since is not None:
        kind = row.trouble_by if row.trouble == "cut" else ""
        marks.append((row.cut_since, row.cut_since, kind, "cut", ""))
        if row.cut_until is not None:
            marks.append((row.cut_until, row.cut_until, "", "restored", ""))
    if row.works_at is not None:
        began = max(row.works_since or row.works_at, row.cut_until or row.works_at)
        marks += [(at, at, row.works_by, "works", "") for at in sorted({min(began, row.works_at), row.works_at})]
    if row.restored_at is not None and row.trouble == "nothing":
        marks.append((row.restored_at, row.restored_at, "", "restored", ""))
    if row.trouble_since is not None:
        marks += [(at, at, row.trouble_by, row.trouble, "") for at in sorted({row.trouble_since, row.trouble_at})]
    if row.removed_at is not None:
        marks.append((row.removed_at, row.removed_at, "link_removed", "nothing", ""))
    if row.registered_at is not None:
        marks.append((row.registered_at, row.registered_at, "link_registered", "nothing", row.site))
    marks.sort(key=lambda mark: mark[0])
    if marks:
        marks.insert(0, (marks[0][0], marks[0][0], "led_to", "nothing", row.site))
    return [[at.isoformat(), until.isoformat(), kind, says, site, ""] for at, until, kind, says, site in marks]


def _cuts(row: Any) -> list[list[str | None]]:
    if row.cut_since is None:
        return []
    return [[row.site, row.cut_since.isoformat(), row.cut_until.isoformat() if row.cut_until else None]]
