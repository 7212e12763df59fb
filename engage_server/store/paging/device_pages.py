"""Pages of a site's devices, by identity: the one thing about a device that never changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, literal_column, not_, select, union

from engage_server.records import NO_LABEL, DeviceHistory, DeviceLabel, Page
from engage_server.store.database.batches import chunks, one_of
from engage_server.store.evidence.adoption_queries import passes, with_grade
from engage_server.store.evidence.caller_queries import select_answered_elsewhere
from engage_server.store.interface import DeviceFilter
from engage_server.store.interface.pages import KnownDevice
from engage_server.store.labels.label_queries import select_labels
from engage_server.store.paging.cursors import Question, cursor_of, key_of
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import device_histories, devices

# Rows that a page with a filter looks at. The page ends there, however few passed: so the rarest device costs no
# more than the commonest one.
MOST_EXAMINED = 2000

_device = device_histories.c


def select_page(
    connection: Connection, site: str, wanted: DeviceFilter, cursor: str | None, limit: int, beyond: str
) -> Page[KnownDevice]:
    """Return one page.

    Raises:
        NotFound: There is no such site.
        UsageError: The cursor is of another question.
    """
    row_id = site_id(connection, site)
    question = Question("devices", filters(site, wanted), (str,))
    key = key_of(question, cursor)
    after = str(key[0]) if key else beyond
    most = max(limit + 1, MOST_EXAMINED) if is_filtered(wanted) else limit + 1
    window = list(connection.scalars(_window(site, row_id, wanted, after, most)))
    if not window:
        return Page(())
    found = _found(connection, site, row_id, wanted, (after, window[-1]), limit + 1)
    names = [name for name in window if name in found]
    last = names[limit - 1] if len(names) > limit else window[-1] if len(window) == most else None
    labels = select_labels(connection, row_id, names[:limit])
    items = known_devices(connection, site, row_id, {name: found[name] for name in names[:limit]}, labels)
    return Page(items, None if last is None else cursor_of(question, (last,)))


def known_devices(
    connection: Connection,
    site: str,
    row_id: int,
    found: Mapping[str, DeviceHistory | None],
    labels: Mapping[str, DeviceLabel],
) -> tuple[KnownDevice, ...]:
    """Return the devices of a page, in this order, with what else is shown of them."""
    listed = select_listed(connection, row_id, list(found))
    unseen = [each for each, history in found.items() if history is None]
    elsewhere = select_answered_elsewhere(connection, site, None, unseen)
    return tuple(
        KnownDevice(each, history, each in listed, elsewhere.get(each, ""), labels.get(each, NO_LABEL))
        for each, history in found.items()
    )


def select_listed(connection: Connection, row_id: int, identities: Sequence[str]) -> frozenset[str]:
    """Return those of these identities that are on the list of the site in this row."""
    found: set[str] = set()
    for some in chunks(identities):
        query = select(devices.c.serial).where(devices.c.site_id == row_id, one_of(connection, devices.c.serial, some))
        found.update(connection.scalars(query))
    return frozenset(found)


def is_device_of(site: str) -> ColumnElement[bool]:
    """Whether a row is a device of a site. Worded like the condition of the index, which holds only such rows."""
    return and_(_device.site == site, _device.is_shared_address == literal_column("0"))


def is_filtered(wanted: DeviceFilter) -> bool:
    """Whether devices in the span of a page may be left out."""
    return wanted.missing or wanted.unseen or bool(wanted.host) or wanted.trouble is not None


def filters(site: str, wanted: DeviceFilter) -> tuple[str, ...]:
    """Return what a cursor belongs to. The time of a question about trouble is no part: each page has another one."""
    which = "unseen" if wanted.unseen else str(wanted.missing)
    return site, str(wanted.release), which, wanted.host, str(wanted.trouble is not None)


def _window(site: str, row_id: int, wanted: DeviceFilter, after: str, most: int) -> Select[Any]:
    """Select the next identities, before any filter. Each half comes from its index, in order."""
    only_listed = select(devices.c.serial).where(devices.c.site_id == row_id, devices.c.serial > after)
    if wanted.unseen:  # from an index of them alone: the first page has some, however many others come before
        never = devices.c.is_unseen == literal_column("1")
        return only_listed.where(never).order_by(devices.c.serial).limit(most)
    seen = select(_device.identity).where(is_device_of(site), _device.identity > after)
    seen_first = seen.order_by(_device.identity).limit(most).subquery()
    listed_first = only_listed.order_by(devices.c.serial).limit(most).subquery()
    both = union(select(seen_first.c.identity), select(listed_first.c.serial)).subquery()
    return select(both.c.identity).order_by(both.c.identity).limit(most)


def _found(
    connection: Connection, site: str, row_id: int, wanted: DeviceFilter, span: tuple[str, str], most: int
) -> dict[str, DeviceHistory | None]:
    """Return the devices of the window that pass the filter: with their history, or None if they were never seen."""
    after, last = span
    there = and_(_device.identity > after, _device.identity <= last)
    found: dict[str, DeviceHistory | None] = {}
    if not wanted.host:
        listed = and_(devices.c.site_id == row_id, devices.c.serial > after, devices.c.serial <= last)
        # The span stands in the subquery, too: without it, PostgreSQL would read all devices of the site for it.
        seen_here = select(_device.id).where(_device.identity == devices.c.serial, is_device_of(site), there)
        query = select(devices.c.serial).where(listed, not_(seen_here.exists())).order_by(devices.c.serial)
        if wanted.trouble is not None:
            query = query.where(select(_device.id).where(_device.identity == devices.c.serial, there).exists())
        found.update(dict.fromkeys(connection.scalars(query.limit(most))))
    if wanted.unseen:
        return found
    seen = select(device_histories).where(is_device_of(site), there, passes(wanted))
    first = seen.order_by(_device.identity).limit(most)
    found.update({each.identity: each for each in with_grade(connection, first, wanted.release)})
    return found
