"""The part of the store that holds rotations."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from engage_server.records import Approval, AuditEvent, Rotation
from engage_server.store.database.engine import reading, writing
from engage_server.store.queries import release_queries, rotation_queries


class SqlRotation:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def add_rotation(self, rotation: Rotation, event: AuditEvent) -> Rotation:
        with writing(self._engine) as connection:
            number = rotation_queries.insert_rotation(connection, rotation)
            facts = {"rotation": str(number), **event.facts}
            self._tell(connection, replace(event, facts=facts), changes_serving=False)
            return replace(rotation, number=number)

    def move_rotation(
        self,
        before: Rotation,
        after: Rotation,
        event: AuditEvent,
        *,
        activate: int | None = None,
        roll_back: int | None = None,
        as_looked: bool = False,
    ) -> Rotation:
        with writing(self._engine) as connection:
            rotation_queries.update_rotation(connection, before, after, as_looked=as_looked)
            if activate is not None:
                release_queries.make_current(connection, before.site, activate, before.served, event.at)
            if roll_back is not None and roll_back != before.served:
                release_queries.go_back(connection, before.site, roll_back, before.served, event.at)
            changes = activate is not None or roll_back is not None
            self._tell(connection, event, changes_serving=changes)
        return after

    def add_approval(self, rotation: Rotation, approval: Approval, event: AuditEvent, *, clears_why: bool) -> None:
        with writing(self._engine) as connection:
            rotation_queries.insert_approval(connection, rotation, approval, clears_why=clears_why)
            self._tell(connection, event, changes_serving=False)

    def note_look(self, before: Rotation, after: Rotation) -> None:
        with writing(self._engine) as connection:
            rotation_queries.update_look(connection, before, after)

    def rotations(self, site: str | None = None, *, only_open: bool = False) -> Sequence[Rotation]:
        with reading(self._engine) as connection:
            return rotation_queries.select_rotations(connection, site, only_open=only_open)

    def rotation(self, site: str, number: int) -> Rotation:
        with reading(self._engine) as connection:
            return rotation_queries.select_rotation(connection, site, number)

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
