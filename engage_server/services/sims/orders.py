"""Records in the audit log what is ordered from an operator of SIMs, and what came of it.

The entry of the order is written just before anything is sent. So a database that is away stops the order, and nothing
is sent without its entry, whatever kills the process. A second entry says what came of it. An order that was refused
before it was sent has only that one.
"""

from enum import StrEnum

from engage_server.records import AuditAction, Occasion
from engage_server.shown_text import without_controls
from engage_server.store.interface import AuditStore

_MOST_CHARACTERS = 500  # of one fact


class OrderOutcome(StrEnum):
    """What came of an order for one SIM or network. The audit log keeps these words."""

    DONE = "done"
    ACCEPTED = "sent and accepted, and not known to be done"
    OTHERWISE = "sent and answered with success, but it is otherwise"
    NOT_SENT = "refused before it was sent"
    REFUSED = "sent and refused"
    NOT_KNOWN = "sent, and what came of it is not known"


class SimOrders:
    """Records orders.

    Args:
        store: Holds the audit log.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    def record(self, action: AuditAction, occasion: Occasion, site: str = "", **facts: str) -> None:
        """Record one order, or what came of it. What is empty is left out.

        Args:
            action: What is ordered, or ``SIM_ORDER_ENDED``.
            occasion: Who orders it, when and why.
            site: The site whose SIMs they are; "" if none was named.
            facts: What a reader must know. Never a secret, and never the text of a message. An operator of SIMs may
                have written a part of it, so it is cut, and control characters are escaped.

        Raises:
            StoreNotUsable: The database is away. Send nothing then.
        """
        kept = {name: without_controls(text)[:_MOST_CHARACTERS] for name, text in facts.items() if text}
        self._store.record(occasion.event(action, site, **kept))
