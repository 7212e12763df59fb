"""What is no copy of this program's tables is refused, and the sentence names the table and the line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from engage_server.errors import Conflict, ContentNotUsable, EngageError, StoreVersionMismatch
from engage_server.store import schema
from engage_server.store.copying.filling import fill
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import create_sqlite_file, open_engine, reading
from engage_server.store.interface.copying import TableRows
from tests.support.databases import KEK, migrated_sqlite
from tests.support.odd_rows import line_of, odd_rows
from tests.support.older_tables import columns_at

Tables = list[TableRows]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Rows that can be filled."""
    engine = open_engine(migrated_sqlite(tmp_path_factory.mktemp("good") / "engage.db"))
    with picture_of(engine) as picture:
        rows = odd_rows(picture, 3)
    engine.dispose()
    return rows


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    """An empty database, once of each kind."""
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def _with_line(
    change: Callable[[dict[str, Any]], object], table: str = "people", number: int = 3
) -> Callable[[Tables], Tables]:
    def changed(tables: Tables) -> Tables:
        rows = {name: list(lines) for name, lines in tables}
        row = json.loads(rows[table][number - 1])
        change(row)
        rows[table][number - 1] = line_of(row)
        return [TableRows(name, lines) for name, lines in rows.items()]

    return changed


def _bytes(line: bytes) -> Callable[[Tables], Tables]:
    def changed(tables: Tables) -> Tables:
        return [TableRows(n, [*list(r)[:2], line, *list(r)[2:]] if n == "people" else r) for n, r in tables]

    return changed


REFUSED: dict[str, tuple[Callable[[Tables], Tables], str]] = {
    "no such column": (_with_line(lambda row: row.update(more=1)), "table people, line 3: .*columns"),
    "a column is missing": (_with_line(lambda row: row.pop("role")), "table people, line 3: .*columns"),
    "another name": (_with_line(lambda row: row.update(rule=row.pop("role"))), "line 3: the column role is missing"),
    "a number as text": (_with_line(lambda row: row.update(state=5)), "line 3: the column state"),
    "NULL": (_with_line(lambda row: row.update(state=None)), "line 3: the column state"),
    "no time": (_with_line(lambda row: row.update(created_at="2026-02-30T00:00:00.000000Z")), "line 3: .*created_at"),
    "another zone": (
        _with_line(lambda row: row.update(created_at="20261127T084339.000000+0100")),
        "line 3: .*created_at",
    ),
    "no JSON": (_with_line(lambda row: row.update(sites="{")), "line 3: the column sites"),
    "half a character": (_with_line(lambda row: row.update(subject="\ud800")), "line 3: the column subject"),
    "no Base64": (_with_line(lambda row: row.update(secret_sealed="*"), "kpn_devices"), "kpn_devices, line 3"),
    "a truth": (_with_line(lambda row: row.update(is_good=1), "backup_runs"), "backup_runs, line 3"),
    "infinity": (_with_line(lambda row: row.update(seconds=float("inf")), "backup_runs"), "backup_runs, line 3"),
    "too large": (_with_line(lambda row: row.update(notices=2**63), "device_histories"), "device_histories, line 3"),
    "twice": (
        _with_line(lambda row: row.update(number=2), "backup_runs"),
        "table backup_runs, one of the lines 1 to 12",
    ),
    "half a line": (_bytes(b'{"name":\n'), "table people, line 3"),
    "two in one": (_bytes(b"{},{}\n"), "table people, line 3"),
    "no object": (_bytes(b"[1]\n"), "table people, line 3"),
    "no end": (_bytes(b"{}"), "table people, line 3"),
    "unknown table": (lambda tables: [*tables, TableRows("more", [])], "the table more is not one of this version"),
    "sessions": (lambda tables: [*tables, TableRows("sign_ins", [])], "the table sign_ins is not one"),
    "table twice": (lambda tables: [*tables, tables[0]], "is there twice"),
    "missing table": (lambda tables: tables[:-1], "the table .* is missing"),
    "points nowhere": (
        lambda tables: [
            TableRows(n, [line_of({"der": "", "name": "a", "site_id": 9})] if n == "static_certificates" else r)
            for n, r in tables
        ],
        "static_certificates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_copy_is_refused(tmp_path: Path, good: Tables, case: str) -> None:
    url = f"sqlite:///{tmp_path / 'engage.db'}"
    create_sqlite_file(url)
    engine = open_engine(url)
    change, sentence = REFUSED[case]
    with pytest.raises(ContentNotUsable, match=sentence):
        fill(engine, schema.REVISIONS[-1], change(good))
    engine.dispose()


def test_a_refused_copy_leaves_nothing_in_postgresql(postgresql: Any, good: Tables) -> None:
    engine = open_engine(url := postgresql.new_database())
    for case in ("twice", "points nowhere", "missing table", "no time"):
        change, sentence = REFUSED[case]
        with pytest.raises(ContentNotUsable, match=sentence.replace("one of the lines 1 to 12", ".*")):
            fill(engine, schema.REVISIONS[-1], change(good))
        with reading(engine) as connection:
            assert inspect(connection).get_table_names() == []
    nul = _with_line(lambda row: row.update(subject="a\0b"))
    with pytest.raises(ContentNotUsable, match=r"table people, one of the lines 1 to 12: .*NUL"):
        fill(engine, schema.REVISIONS[-1], nul(good))
    engine.dispose()
    postgresql.done_with(url)


def test_a_database_that_is_not_empty_stays_as_it_is(empty: Engine, good: Tables) -> None:
    fill(empty, schema.REVISIONS[-1], good)
    with pytest.raises(Conflict, match="is not empty: it has the table access_tokens"):
        fill(empty, schema.REVISIONS[-1], good)


def test_a_newer_version_is_refused_and_an_older_one_is_upgraded(empty: Engine, good: Tables) -> None:
    with pytest.raises(StoreVersionMismatch, match="a newer version"):
        fill(empty, "9999", good)
    known = columns_at(_FIRST)
    counts = fill(empty, _FIRST, [TableRows(n, r if n == "backup_runs" else []) for n, r in good if n in known])
    assert counts["backup_runs"] == 12
    schema.upgrade(empty, KEK)
    schema.assert_current(empty)
    with reading(empty) as connection:
        assert connection.scalar(text("SELECT count(*) FROM backup_runs")) == 12


_FIRST = "0024"  # the first version that could make a backup


def test_a_refusal_never_repeats_a_value(tmp_path: Path, good: Tables) -> None:
    secret = "hunter2-hunter2"
    for change in (
        _with_line(lambda row: row.update(created_at=secret)),
        _with_line(lambda row: row.update(sites=secret)),
        _bytes(f'{{"name": {secret}}}\n'.encode()),
    ):
        url = f"sqlite:///{tmp_path / secret[:3]}.db"
        Path(url.removeprefix("sqlite:///")).unlink(missing_ok=True)
        create_sqlite_file(url)
        engine = open_engine(url)
        with pytest.raises(EngageError) as refused:
            fill(engine, schema.REVISIONS[-1], change(good))
        assert secret not in refused.value.sentence
        engine.dispose()
