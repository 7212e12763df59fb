"""The part of the operators' services that is about alerts. Each is imported and built when first used."""

from functools import cached_property
from typing import TYPE_CHECKING, cast

from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.composition.alerts.alert_side import AlertSide
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.alerts.standing import AlertStanding


class Alerted:
    """Those services."""

    _store: SqlStore
    _settings: Settings

    def alert_standing(self) -> "AlertStanding":
        """How alerts stand."""
        from engage_server.services.alerts.standing import alert_standing

        return alert_standing(self._store)

    @cached_property
    def alerting(self) -> "AlertSide":
        """What writes alerts, and sends them."""
        from engage_server.composition.alerts.alert_side import AlertSide

        return AlertSide(self._store, self._settings, cast("OperatorSide", self))
