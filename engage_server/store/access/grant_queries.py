"""The sites in the roles of people and tokens, which are kept by name. In the caller's transaction."""

from sqlalchemy import Connection, select, update

from engage_server.store.access.tables import access_tokens, people


def rename_in_grants(connection: Connection, name: str, new: str) -> dict[str, str]:
    """Let roles at a site hold at it under its new name. Return how many there are, as facts for the audit log."""
    return _replace(connection, name, {new})


def remove_from_grants(connection: Connection, name: str) -> dict[str, str]:
    """End roles at a site that goes: another site may get its name. Return how many there are, as facts."""
    return _replace(connection, name, set())


def _replace(connection: Connection, name: str, by: set[str]) -> dict[str, str]:
    counts = {}
    for table, key in ((people, people.c.name), (access_tokens, access_tokens.c.number)):
        rows = connection.execute(select(key.label("key"), table.c.sites).with_for_update()).all()
        held = [row for row in rows if row.sites is not None and name in row.sites]
        for row in held:
            sites = sorted(set(row.sites) - {name} | by)
            connection.execute(update(table).where(key == row.key).values(sites=sites))
        if held:
            counts["people" if table is people else "tokens"] = str(len(held))
    return counts
