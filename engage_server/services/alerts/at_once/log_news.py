"""Follows the audit log, and puts what people hear of at once into the outbox.

How far it was read is a mark. It moves in the transaction that puts the alerts into the outbox. So two nodes do not
say an entry twice, and none is left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from engage_server.records import AlertMark, OutboxEntry, Recipient
from engage_server.services.alerts.addressing import entries_for, see_all_sites
from engage_server.services.alerts.at_once.audit_news import news_of
from engage_server.store.interface import AuditStore, OutboxStore

TOPIC = "audit_log"
AT_ONCE = 500  # entries in one transaction


class LogNewsStore(OutboxStore, AuditStore, Protocol):
    """The part of the store that this needs."""


class LogNews:
    """Follows the log.

    Args:
        store: Holds the log.
        address: The URL of the console, without a path.
    """

    def __init__(self, store: LogNewsStore, address: str) -> None:
        self._store = store
        self._address = address

    def run(self, recipients: Sequence[Recipient], now: datetime) -> int:
        """Read on from where the last node stopped. What was there before the first recipient is no news.

        Returns:
            How many entries this node has read.
        """
        head = self._store.audit_head().number
        mark = next((each for each in self._store.alert_marks() if each.topic == TOPIC), AlertMark(TOPIC))
        if mark.value is None:
            self._store.put_in_outbox([], [replace(mark, value={"number": self._first(recipients, head)})])
            return 0
        done = int(str(mark.value["number"]))
        last = min(head, done + AT_ONCE)
        if head < done:  # an older database was put back
            self._store.put_in_outbox([], [replace(mark, value={"number": head})])
        if last <= done:
            return 0
        entries = [each for number in range(done + 1, last + 1) for each in self._alerts(number, recipients, now)]
        is_mine = self._store.put_in_outbox(entries, [replace(mark, value={"number": last})])
        return last - done if is_mine else 0

    def _first(self, recipients: Sequence[Recipient], head: int) -> int:
        """The last entry before the first recipient was added. So none is left out between that and the first look."""
        since = min((each.added_at for each in recipients), default=None)
        number = head
        while since is not None and number and head - number < AT_ONCE:
            entry = self._store.audit_entry(number)
            if entry is not None and entry.event.at < since:
                break
            number -= 1
        return number

    def _alerts(self, number: int, recipients: Sequence[Recipient], now: datetime) -> list[OutboxEntry]:
        entry = self._store.audit_entry(number)  # None: somebody removed it, which the log's check finds
        news = news_of(entry, self._address) if entry is not None else None
        if entry is None or news is None:
            return []
        at, hearing = entry.event.at, recipients if news.site else see_all_sites(recipients)
        return entries_for(hearing, news.message, news.site, f"entry {number}", now, happened_at=at)
