"""The services that write alerts and send them."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from engage_server.composition.alerts.channels import channel_for, service_user
from engage_server.composition.operators_listener import address
from engage_server.records import Recipient, Secret
from engage_server.services.alerts.channel import Channel
from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.alerts.at_once.log_check import LogCheck
    from engage_server.services.alerts.at_once.log_news import LogNews
    from engage_server.services.alerts.at_once.store_away import StoreAway
    from engage_server.services.alerts.at_once.watch import Watch
    from engage_server.services.alerts.dispatch import Dispatch
    from engage_server.services.alerts.morning.mornings import Mornings
    from engage_server.services.alerts.recipients import Recipients


class AlertSide:
    """The services that write alerts, put them into the outbox, and send them. Each is made when first used.

    Args:
        store: Holds the outbox, with the key that opens secrets.
        settings: The settings.
        side: The other services.
    """

    def __init__(self, store: SqlStore, settings: Settings, side: "OperatorSide") -> None:
        self.store = store
        self._settings = settings
        self._side = side

    @property
    def address(self) -> str:
        """The URL of the console, as alerts name it."""
        return address(self._settings, by_browser=True)

    @cached_property
    def recipients(self) -> "Recipients":
        """Where alerts go."""
        from engage_server.services.alerts.recipients import Recipients

        return Recipients(self.store, self._channels(os.environ))

    @cached_property
    def mornings(self) -> "Mornings":
        """The morning mails."""
        from engage_server.services.alerts.morning.gathering import Gathering
        from engage_server.services.alerts.morning.mornings import Mornings

        side = self._side
        gathering = Gathering(self.store, side.recent_tonight.look_at, side.recent_sites, self._backup_faults)
        return Mornings(self.store, gathering, self.address)

    @cached_property
    def watch(self) -> "Watch":
        """What lasts, and cannot wait."""
        from engage_server.services.alerts.at_once.watch import Watch

        return Watch(self.store, self._side.confirmations, self._backups_in_trouble, self.address)

    @cached_property
    def log_news(self) -> "LogNews":
        """What the audit log says, and cannot wait."""
        from engage_server.services.alerts.at_once.log_news import LogNews

        return LogNews(self.store, self.address)

    @cached_property
    def log_check(self) -> "LogCheck":
        """The daily check of the audit log."""
        from engage_server.services.alerts.at_once.log_check import LogCheck

        return LogCheck(self.store)

    def _backup_faults(self, now: datetime) -> list[str]:
        return self._side.backup_standing(now).faults

    def _backups_in_trouble(self, now: datetime) -> tuple[list[str], bool]:
        standing = self._side.backup_standing(now)
        return standing.faults, standing.failed is not None

    def _channels(self, environment: Mapping[str, str]) -> Callable[[Recipient, Secret | None], Channel]:
        return partial(channel_for, environment=environment, run_as=service_user(self._settings))

    def sending(
        self,
        holder: str,
        environment: Mapping[str, str],
        log: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> Callable[[], None]:
        """Make what begins to send all that is due, to several recipients at the same time. It waits for none of them.

        Args:
            holder: Who claims: ``host/pid``.
            environment: The variables of this process.
            log: Called with a sentence about each attempt that did not succeed.
            now: The clock.
        """
        from engage_server.services.alerts.lanes import Lanes

        dispatch = self.dispatch(holder, environment, log)
        lanes = Lanes(lambda recipient: dispatch.run(now, recipient), log)
        return lambda: lanes.start(self.store.due_recipients())

    def dispatch(self, holder: str, environment: Mapping[str, str], log: Callable[[str], None]) -> "Dispatch":
        """Make what sends.

        Args:
            holder: Who claims: ``host/pid``.
            environment: The variables of this process.
            log: Called with a sentence about each attempt that did not succeed.
        """
        from engage_server.services.alerts.dispatch import Dispatch

        return Dispatch(self.store, self._channels(environment), holder, self.address, log)


def store_away(
    settings: Settings,
    store: Callable[[], SqlStore],
    environment: Mapping[str, str],
    host: str,
    log: Callable[[str], None],
) -> "StoreAway":
    """Make what says that the store is away.

    Args:
        settings: The settings.
        store: Gives the store. Raises EngageError while it cannot be opened.
        environment: The variables of this process.
        host: The name of this host.
        log: Called with a sentence about each attempt.
    """
    from engage_server.services.alerts.at_once.store_away import StoreAway

    after = timedelta(minutes=settings.alert_store_away_minutes)
    by = partial(channel_for, environment=environment, run_as=service_user(settings))
    return StoreAway(store, by, host, after, address(settings, by_browser=True), log)
