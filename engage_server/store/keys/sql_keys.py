"""The part of the store that knows the keys."""

from abc import abstractmethod
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from engage_server.errors import Conflict
from engage_server.records import AcceptedKey, AuditEvent, KeyHolder, KeyRotation, SealedValues
from engage_server.store.database.engine import LONG_SECONDS, reading, writing
from engage_server.store.interface.keys import WrappingKey
from engage_server.store.keys import key_queries, sealed_values
from engage_server.store.sealing import Sealer


class SqlKeys:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def accepted_keys(self) -> Sequence[AcceptedKey]:
        with reading(self._engine) as connection:
            return key_queries.select_accepted(connection)

    def key_rotation(self) -> KeyRotation | None:
        with reading(self._engine) as connection:
            return key_queries.select_rotation(connection)

    def key_holders(self) -> Sequence[KeyHolder]:
        with reading(self._engine) as connection:
            return key_queries.select_holders(connection)

    def report_key(self, holder: KeyHolder, *, is_new: bool = True) -> None:
        with writing(self._engine) as connection:
            key_queries.upsert_holder(connection, holder, is_new=is_new)

    def remove_key_holder(self, host: str, place: str) -> None:
        with writing(self._engine) as connection:
            key_queries.delete_holder(connection, host, place)

    def begin_key_rotation(self, rotation: KeyRotation, new: WrappingKey, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            key_queries.insert_rotation(connection, rotation)
            wrapped = self._opened().wrapped_by(new.wrap)
            key_queries.insert_wrap(connection, new.key_id, wrapped, rotation.begun_at)
            self._tell(connection, event, changes_serving=False)

    def decide_key_rotation(self, new: WrappingKey, without: Sequence[str], event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            rotation = key_queries.select_rotation(connection)
            if rotation is None or rotation.is_decided or rotation.new != new.key_id:
                raise Conflict("this change of the key is over", "See: engage key check", code="key.not_rotating")
            key_queries.delete_holders(connection, without)
            missing = rotation.missing(key_queries.select_holders(connection))
            if missing:
                raise Conflict(
                    f"{missing[0].name} has not confirmed the new key",
                    "See: engage key rotate --status",
                    code="key.held",
                )
            key_queries.assert_opens(connection, new, self._opened())
            key_queries.delete_other_wraps(connection, new.key_id)
            key_queries.decide(connection)
            self._tell(connection, event, changes_serving=False)

    def abort_key_rotation(self, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            rotation = key_queries.select_rotation(connection)
            if rotation is None or rotation.is_decided:
                raise Conflict("no change of the key is open", "See: engage key check", code="key.not_rotating")
            confirmed = [each for each in key_queries.select_holders(connection) if each.key_id == rotation.new]
            if confirmed:
                raise Conflict(
                    f"{confirmed[0].name} has the new key already",
                    "Finish the change: engage key rotate",
                    code="key.placed",
                )
            key_queries.delete_other_wraps(connection, rotation.old)
            key_queries.decide(connection)
            key_queries.delete_rotation(connection)
            self._tell(connection, event, changes_serving=False)

    def close_key_rotation(self) -> None:
        with writing(self._engine) as connection:
            key_queries.delete_rotation(connection)

    def open_sealed_values(self) -> SealedValues:
        with reading(self._engine, LONG_SECONDS) as connection:
            return sealed_values.open_all(connection, self._opened())

    @abstractmethod
    def _opened(self) -> Sealer:
        """Return the sealer. The whole store implements this in one place."""

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
