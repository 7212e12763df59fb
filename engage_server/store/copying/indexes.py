"""Takes indexes away before many rows come, and makes them afterwards: that is several times faster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engage_server.errors import ContentNotUsable

OF_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
OF_POSTGRESQL = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() "
    "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = format('%I.%I', schemaname, indexname)::regclass) "
    "ORDER BY indexname"
)


@contextmanager
def without_indexes(
    found: Sequence[tuple[str, str]],
    execute: Callable[[str], object],
    not_unique: type[Exception],
    *,
    only_unique: bool,
) -> Iterator[None]:
    """Have no indexes but those of constraints. They are back at the end, the same as before, or only the unique ones.

    Args:
        found: The name of each index, and the statement that makes it.
        execute: Runs a statement.
        not_unique: What ``execute`` raises if two rows have what is unique.
        only_unique: Make only those that judge the rows.

    Raises:
        ContentNotUsable: Two rows have what is unique.
    """
    for name, _ in found:
        execute(f'DROP INDEX "{name}"')
    yield
    for name, statement in found:
        if only_unique and not statement.startswith("CREATE UNIQUE "):
            continue
        try:
            execute(statement)
        except not_unique:
            raise ContentNotUsable(
                f"two rows have the same, where the index {name} allows one", "Take another copy.", code="copy.bad_line"
            ) from None
