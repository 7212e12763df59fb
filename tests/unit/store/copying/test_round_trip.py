"""What one database gave fills the other one, and comes back as the same bytes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from engage_server.store.copying.filling import fill
from engage_server.store.copying.left_out import LEFT_OUT
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import create_sqlite_file, open_engine, reading, writing
from engage_server.store.interface.copying import TableRows
from engage_server.store.partial_indexes import whole_schema
from tests.support.chains import NOW
from tests.support.databases import migrated_postgresql, migrated_sqlite
from tests.support.lengths import examples
from tests.support.odd_rows import odd_rows
from tests.support.postgresql import PostgresServer

_INDEXES = {
    "sqlite": "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name",
    "postgresql": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def new_sqlite(folder: Path, name: str) -> Engine:
    url = f"sqlite:///{folder / name}"
    create_sqlite_file(url)
    return open_engine(url)


def taken(engine: Engine) -> tuple[str, list[TableRows]]:
    with picture_of(engine) as picture:
        return picture.schema, [TableRows(table, list(picture.rows(table))) for table in picture.tables()]


def same(found: Sequence[TableRows], expected: Sequence[TableRows]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.table == other.table
        assert list(one.rows) == list(other.rows), one.table


@pytest.mark.parametrize("seed", range(examples(all=3, quick=1, campaign=40)))
def test_from_one_to_the_other_and_back(tmp_path: Path, postgresql: PostgresServer, seed: int) -> None:
    empty = open_engine(migrated_sqlite(tmp_path / "empty.db"))
    with picture_of(empty) as picture:
        schema, rows = picture.schema, odd_rows(picture, seed)
    empty.dispose()
    assert sum(len(list(each.rows)) for each in rows) > 100
    first, last = new_sqlite(tmp_path, "first.db"), new_sqlite(tmp_path, "last.db")
    middle = open_engine(url := postgresql.new_database())
    try:
        fill(first, schema, rows)
        same(taken(first)[1], rows)
        fill(middle, *taken(first))
        same(taken(middle)[1], rows)
        fill(last, *taken(middle))
        same(taken(last)[1], rows)
    finally:
        for each in (first, middle, last):
            each.dispose()
        postgresql.done_with(url)


def test_the_indexes_and_the_next_numbers_are_those_of_a_database_that_grew(
    tmp_path: Path, postgresql: PostgresServer, database_url: str
) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    kind = engine.dialect.name
    url = migrated_sqlite(tmp_path / "other.db") if kind == "sqlite" else migrated_postgresql(postgresql)
    grown = open_engine(url)
    with picture_of(grown) as picture:
        schema, rows = picture.schema, odd_rows(picture, 7)
    fill(engine, schema, rows)
    with reading(grown) as connection:
        expected = sorted(map(tuple, connection.execute(text(_INDEXES[kind])).all()))
    with reading(engine) as connection:
        assert sorted(map(tuple, connection.execute(text(_INDEXES[kind])).all())) == expected
        assert len(expected) > 40
    with writing(engine) as connection:
        insert = whole_schema.tables["backup_runs"].insert().returning(whole_schema.tables["backup_runs"].c.number)
        values = {"step": "created", "is_good": True, "file": "", "host": "", "seconds": 1.0, "why": ""}
        assert connection.scalar(insert.values(at=NOW, audit_head="", **values)) == 13, "after the twelve that came"
    grown.dispose()
    engine.dispose()


def test_for_a_moment_only_indexes_are_made_that_judge_the_rows(tmp_path: Path, database_url: str) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    grown = open_engine(migrated_sqlite(tmp_path / "other.db"))
    with picture_of(grown) as picture:
        fill(engine, picture.schema, odd_rows(picture, 7), is_for_a_moment=True)
    wanted = {str(each.name): bool(each.unique) for table in whole_schema.sorted_tables for each in table.indexes}
    with reading(engine) as connection:
        found = {row[1] for row in connection.execute(text(_INDEXES[engine.dialect.name])).all()}
    assert {name: name in found for name in wanted} == wanted
    assert {True, False} <= set(wanted.values())
    grown.dispose()
    engine.dispose()


def test_every_table_is_in_a_picture_or_left_out_for_a_reason(tmp_path: Path) -> None:
    engine = open_engine(migrated_sqlite(tmp_path / "engage.db"))
    with picture_of(engine) as picture:
        assert {*picture.tables(), *LEFT_OUT} == set(whole_schema.tables)
        assert not LEFT_OUT & set(picture.tables())
    engine.dispose()
