"""What a copy of all tables is made of: the same for every database, so what one gave fills another.

A row is one line: a JSON object with every column, in UTF-8, that ends with a line feed. Values are written so:

* Numbers, text and truth values as JSON's own. NULL as ``null``.
* Bytes as Base64 text.
* Times as ``2026-11-27T08:43:39.000000Z``: UTC, always with microseconds. Columns of whole seconds stay numbers.
* JSON as the text that the database holds. So JSON's ``null`` is the text ``"null"``, and NULL is ``null``.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol


class Picture(Protocol):
    """All tables at one moment.

    Attributes:
        schema: The version of the tables, such as ``0025``.
    """

    schema: str

    def tables(self) -> Sequence[str]:
        """Return the tables' names, in an order in which they can be filled. Some are never part of a picture."""

    def rows(self, table: str) -> Iterator[bytes]:
        """Yield the rows, one line each, in the order of the primary key. It reads as it goes.

        Read one table to its end before the next one.

        Raises:
            StoreNotUsable: The database does not answer, or reports an error. It comes while the rows are read.
        """


class TableRows(NamedTuple):
    """One table to fill, and its rows as :class:`Picture` gives them."""

    table: str
    rows: Iterable[bytes]
