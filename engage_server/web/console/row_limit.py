"""How many rows the lists of one page may have, so that no page gets larger than a narrow line can carry.

A page asks for the usual number. Where names, reasons or sentences are so long that the page gets too large, it is made
once more with fewer rows. The links to the next page follow, because each list has a cursor.
"""

from typing import Final

MOST_BYTES: Final = 100_000
"""Of a page, as it travels."""


class RowLimit:
    """Counts for one making of a page.

    Args:
        halvings: How often each list has to be halved.
    """

    def __init__(self, halvings: int = 0) -> None:
        self._halvings = halvings
        self._largest = 0

    def at_most(self, usual: int) -> int:
        """How many rows a list may have; at least one.

        Args:
            usual: How many it has where names are as long as people write them.
        """
        rows = max(1, usual >> self._halvings)
        self._largest = max(self._largest, rows)
        return rows

    def smaller(self, page_bytes: int) -> "RowLimit | None":
        """The limit for another try. None if the page is small enough, or has no list that could be shorter.

        Args:
            page_bytes: How large the page is that was made with this limit.
        """
        if page_bytes < MOST_BYTES or self._largest <= 1:
            return None
        return RowLimit(self._halvings + max(1, (page_bytes // MOST_BYTES).bit_length()))
