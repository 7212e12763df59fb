"""How a database would answer the questions that a piece of code asks."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

_PREFIX = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
# a whole table, or a whole index that no condition narrows; a subquery of some rows may be read whole
_WHOLE = {"sqlite": r"SCAN (\w+)", "postgresql": r"Seq Scan on (\w+)"}


def plan_of(engine: Engine, act: Callable[[], object]) -> str:
    """The plans of all statements that an act executes."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        prefix = _PREFIX[connection.dialect.name]
        plans = [connection.exec_driver_sql(prefix + statement, parameters) for statement, parameters in asked]
        return "\n".join(str(row[-1]) for plan in plans for row in plan)


def whole_tables(engine: Engine, plan: str, tables: set[str]) -> set[str]:
    """Which of these tables a plan reads from end to end."""
    return tables & set(re.findall(_WHOLE[engine.dialect.name], plan))
