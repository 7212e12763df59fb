"""The row of a link's standing: its marks and cuts are JSON, because they are only ever read together."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engage_server.records import LinkCut, LinkStanding, PathMark, PathSays

_NAMES = tuple(each.name for each in fields(LinkStanding))


def standing_row(standing: LinkStanding) -> dict[str, object]:
    """Return the values of its columns."""
    values = {name: getattr(standing, name) for name in _NAMES}
    return values | {
        "trouble": standing.trouble.value,
        "marks": [
            [_text(each.at), _text(each.until), each.kind, each.says.value, each.site, each.of]
            for each in standing.marks
        ],
        "cuts": [[each.site, _text(each.since), _text(each.until)] for each in standing.cuts],
    }


def read_standing(row: Row[Any]) -> LinkStanding:
    """Return the standing of a row."""
    values = {name: getattr(row, name) for name in _NAMES}
    return LinkStanding(
        **values
        | {
            "trouble": PathSays(row.trouble),
            "marks": tuple(
                PathMark(_time(at), _time(until), kind, PathSays(says), site, of)
                for at, until, kind, says, site, of in row.marks
            ),
            "cuts": tuple(
                LinkCut(site, _time(since), _time(until) if until else None) for site, since, until in row.cuts
            ),
        }
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
