"""Statements that are compiled once for all engines of this process: they give what each engine asked for."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.sql.compiler import SQLCompiler

from engage_server.store.database.engine import open_engine
from tests.support.databases import migrated_sqlite

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("number", Integer, primary_key=True), Column("name", String))


def test_another_engine_compiles_nothing_again_and_reads_its_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = [open_engine(migrated_sqlite(tmp_path / name)) for name in ("first.db", "second.db")]

    def rows(number: int) -> list[tuple[int, str]]:
        engine = engines[number]
        with engine.begin() as connection:
            connection.execute(insert(THINGS).values(number=number, name=f"of {number}"))
            return [tuple(row) for row in connection.execute(select(THINGS).where(THINGS.c.number == number))]

    for engine in engines:
        with engine.begin() as connection:
            METADATA.create_all(connection)
    assert rows(0) == [(0, "of 0")]
    monkeypatch.setattr(SQLCompiler, "__init__", lambda *_, **__: pytest.fail("compiled again"))
    assert rows(1) == [(1, "of 1")]
    for engine in engines:
        engine.dispose()


def test_another_kind_of_database_gets_its_own_text() -> None:
    """The control: what is one statement for us is two texts."""
    sqlite = create_engine("sqlite://")
    named = create_engine("sqlite://", paramstyle="named")
    statement = select(THINGS.c.name).where(THINGS.c.number == 7)
    texts = []
    for engine in (sqlite, named):
        with engine.begin() as connection:
            METADATA.create_all(connection)
            texts.append(str(connection.execute(statement).context.compiled))
        engine.dispose()
    assert texts[0].endswith("= ?")
    assert texts[1].endswith("= :number_1")
