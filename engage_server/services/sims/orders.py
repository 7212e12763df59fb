"""Records in the audit log what is ordered from an operator of SIMs.

The entry is written before anything is sent. So a database that is away stops the order, and no act is without its
entry, whatever kills the process. Whether the operator did it, the answer says, and the events of the path.
"""

from engage_server.records import AuditAction, Occasion
from engage_server.shown_text import without_controls
from engage_server.store.interface import AuditStore

_MOST_CHARACTERS = 500  # of one fact


class SimOrders:
    """Records orders.

    Args:
        store: Holds the audit log.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    def record(self, action: AuditAction, occasion: Occasion, site: str = "", **facts: str) -> None:
        """Record one order. What is empty is left out.

        Args:
            action: What is ordered.
            occasion: Who orders it, when and why.
            site: The site whose SIMs they are; "" if none was named.
            facts: What a reader must know. Never a secret, and never the text of a message. An operator of SIMs may
                have written a part of it, so it is cut, and control characters are escaped.

        Raises:
            StoreNotUsable: The database is away. Send nothing then.
        """
        kept = {name: without_controls(text)[:_MOST_CHARACTERS] for name, text in facts.items() if text}
        self._store.record(occasion.event(action, site, **kept))
