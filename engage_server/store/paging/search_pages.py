"""Pages of the devices that a search finds: by the words of their labels, then by serial number or address.

Each part reads a span of one index, in order, from where the page before ended. So the first page of a search that
finds a million devices costs no more than that of one that finds ten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select, tuple_, union

from engage_server.records import DeviceHistory, DeviceLabel, Page, searched_words, words_of
from engage_server.store.database.batches import chunks, one_of
from engage_server.store.evidence.adoption_queries import passes, with_grade
from engage_server.store.interface import DeviceFilter
from engage_server.store.interface.pages import KnownDevice
from engage_server.store.labels.label_queries import select_labels
from engage_server.store.labels.tables import label_words
from engage_server.store.paging import device_pages
from engage_server.store.paging.cursors import Question, cursor_of, key_of
from engage_server.store.paging.device_pages import is_device_of
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import device_histories, devices

# Rows that a page with a filter looks at: fewer than without a search, because each is looked up by itself.
MOST_EXAMINED = 500
_SERIAL_DIGITS = 32
_ZEROS = "0" * 16  # what most serial numbers begin with, and nobody types
_LAST = "\U0010ffff"  # after every character of a text

_device, _words = device_histories.c, label_words.c


@dataclass(frozen=True, slots=True)
class _Found:
    """One row of a part: the key of a page that ends with it.

    Attributes:
        part: 0 for words, then one for each spelling of an identity.
        words: What was found. "" for an identity.
        identity: The device.
    """

    part: int
    words: str
    identity: str


def select_page(
    connection: Connection, site: str, wanted: DeviceFilter, cursor: str | None, limit: int
) -> Page[KnownDevice]:
    """Return one page.

    Raises:
        NotFound: There is no such site.
        UsageError: The cursor is of another question.
    """
    row_id = site_id(connection, site)
    question = Question("search", (*device_pages.filters(site, wanted), wanted.search), (int, str, str))
    key = key_of(question, cursor)
    after = _Found(int(key[0]), str(key[1]), str(key[2])) if key else _Found(0, "", "")
    most = max(limit + 1, MOST_EXAMINED) if device_pages.is_filtered(wanted) else limit + 1
    window = _window(connection, site, row_id, wanted.search, after, most)
    identities = [each.identity for each in window]
    labels = select_labels(connection, row_id, identities)
    histories = _found(connection, site, row_id, wanted, identities)
    shown = [each for each in window if each.identity in histories and _is_first(each, wanted.search, labels)]
    last = shown[limit - 1] if len(shown) > limit else window[-1] if len(window) == most else None
    items = device_pages.known_devices(
        connection, site, row_id, {each.identity: histories[each.identity] for each in shown[:limit]}, labels
    )
    return Page(items, None if last is None else cursor_of(question, (last.part, last.words, last.identity)))


def _window(connection: Connection, site: str, row_id: int, search: str, after: _Found, most: int) -> list[_Found]:
    """Return the next rows, before any filter. A device may be there several times."""
    window: list[_Found] = []
    for part, query in _parts(site, row_id, search, after, most):
        if part >= after.part and len(window) < most:
            rows = connection.execute(query.limit(most - len(window)))
            window += [_Found(part, row.words if part == 0 else "", row.identity) for row in rows]
    return window


def _parts(site: str, row_id: int, search: str, after: _Found, most: int) -> Iterator[tuple[int, Select[Any]]]:
    words = searched_words(search)
    if words:
        least = max(words, after.words) if after.part == 0 else words
        query = select(_words.words, _words.identity).where(_words.site_id == row_id, _words.words >= least)
        if after.part == 0 and after.identity:
            query = query.where(tuple_(_words.words, _words.identity) > tuple_(after.words, after.identity))
        yield 0, query.where(_words.words < words + _LAST).order_by(_words.words, _words.identity)
    for part, beginning in enumerate(spellings(search), 1):
        yield part, _identities(site, row_id, beginning, after.identity if after.part == part else "", most)


def spellings(search: str) -> list[str]:
    """Return what a serial number or an address begins with, if it begins with what somebody searches for.

    Spaces, colons and hyphens between hexadecimal digits do not count, and neither do leading zeros.
    """
    digits = "".join(each for each in search if each not in " :-").upper()
    found = [search.strip().lower()] if any(each in search for each in ".:") else []
    if digits and len(digits) <= _SERIAL_DIGITS and all(each in "0123456789ABCDEF" for each in digits):
        found.append(digits)
        if not digits.startswith("0") and len(digits) <= _SERIAL_DIGITS - len(_ZEROS):
            found.append(_ZEROS + digits)
    return found


def _identities(site: str, row_id: int, beginning: str, after: str, most: int) -> Select[Any]:
    """Select the devices whose identity begins so, listed and seen ones together, each half from its index."""
    until = beginning + "z"  # after every character of a serial number or an address, in any language
    span = [
        and_(each >= beginning, each > after, each < until, each.startswith(beginning, autoescape=True))
        for each in (_device.identity, devices.c.serial)
    ]
    seen = select(_device.identity).where(is_device_of(site), span[0]).order_by(_device.identity).limit(most)
    listed = select(devices.c.serial).where(devices.c.site_id == row_id, span[1]).order_by(devices.c.serial).limit(most)
    both = union(select(seen.subquery().c.identity), select(listed.subquery().c.serial)).subquery()
    return select(both.c.identity).order_by(both.c.identity)


def _is_first(row: _Found, search: str, labels: dict[str, DeviceLabel]) -> bool:
    """Whether no row before this one is of the same device."""
    words = searched_words(search)
    label = labels.get(row.identity)
    found = [each for each in words_of(label) if each.startswith(words)] if label and words else []
    if row.part == 0:
        return bool(found) and row.words == min(found)
    earlier = spellings(search)[: row.part - 1]
    return not found and not any(row.identity.startswith(each) for each in earlier)


def _found(
    connection: Connection, site: str, row_id: int, wanted: DeviceFilter, identities: Sequence[str]
) -> dict[str, DeviceHistory | None]:
    """Return those of these devices that pass the filter: with their history, or None if they were never seen."""
    found: dict[str, DeviceHistory | None] = {}
    for some in chunks(identities):
        if not wanted.host:
            found.update(dict.fromkeys(_unseen(connection, site, row_id, wanted, some)))
        there = and_(is_device_of(site), one_of(connection, _device.identity, some))
        seen = select(device_histories).where(there, passes(wanted))
        found.update({each.identity: each for each in with_grade(connection, seen, wanted.release)})
    return found


def _unseen(connection: Connection, site: str, row_id: int, wanted: DeviceFilter, some: Sequence[str]) -> set[str]:
    """Return those of these devices that are on the list and were never seen.

    PostgreSQL reads the whole list for a join. SQLite reads the widest index whole if a question names only columns of
    that one, so this names no others than the unique index has. No serial number is an address of several devices.
    """
    listed = device_pages.select_listed(connection, row_id, some)
    seen = select(_device.identity).where(_device.site == site)
    unseen = {*listed} - {*connection.scalars(seen.where(one_of(connection, _device.identity, sorted(listed))))}
    if not unseen or wanted.trouble is None:
        return unseen
    elsewhere = select(_device.identity).where(one_of(connection, _device.identity, sorted(unseen)))
    return {*connection.scalars(elsewhere)}
