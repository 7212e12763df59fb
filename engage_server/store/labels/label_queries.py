"""What people call devices. In the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from engage_server.records import DeviceLabel, words_of
from engage_server.store.database.batches import chunks, insert_all, one_of, upsert
from engage_server.store.labels.tables import device_labels, label_words
from engage_server.store.tables import device_histories, devices, sites

_KEY = "site_id", "identity"
_LABEL, _WORDS = device_labels.c, label_words.c


def select_labels(connection: Connection, row_id: int, identities: Collection[str]) -> dict[str, DeviceLabel]:
    """Return the labels of those of these devices that have one, at the site in this row."""
    found: dict[str, DeviceLabel] = {}
    for some in chunks(identities):
        of_these = one_of(connection, _LABEL.identity, some)
        query = select(_LABEL.identity, _LABEL.name, _LABEL.place).where(_LABEL.site_id == row_id, of_these)
        found.update({row.identity: DeviceLabel(row.name, row.place) for row in connection.execute(query)})
    return found


def select_labels_at(connection: Connection, site: str, identities: Collection[str]) -> dict[str, DeviceLabel]:
    """Return the labels of those of these devices that have one. Of a site that is gone, there is none."""
    row_id = connection.scalar(select(sites.c.id).where(sites.c.name == site))
    return {} if row_id is None else select_labels(connection, row_id, identities)


def has_labels(connection: Connection, row_id: int) -> bool:
    """Whether any device of the site in this row has a label."""
    return connection.scalar(select(_LABEL.identity).where(_LABEL.site_id == row_id).limit(1)) is not None


def is_known(connection: Connection, row_id: int, identity: str) -> bool:
    """Whether a device is on the list of the site in this row, or was seen there."""
    listed = select(devices.c.serial).where(devices.c.serial == identity, devices.c.site_id == row_id)
    seen = (
        select(device_histories.c.id)
        .join(sites, sites.c.name == device_histories.c.site)
        .where(sites.c.id == row_id, device_histories.c.identity == identity)
        .where(device_histories.c.is_shared_address == 0)
    )
    return connection.scalar(listed) is not None or connection.scalar(seen) is not None


def set_labels(connection: Connection, row_id: int, wanted: Mapping[str, DeviceLabel]) -> int:
    """Set the labels of devices. An empty one is removed. Return how many have changed."""
    before = select_labels(connection, row_id, list(wanted))
    changed = {each: label for each, label in wanted.items() if label != before.get(each, DeviceLabel())}
    _remove(connection, row_id, {each: before[each] for each in changed if each in before})
    kept = {each: label for each, label in changed.items() if label}
    rows = [(row_id, each, label.name, label.place) for each, label in kept.items()]
    upsert(connection, device_labels, [*_KEY, "name", "place"], _KEY, rows)
    words = [(row_id, text, each) for each, label in kept.items() for text in sorted(words_of(label))]
    insert_all(connection, label_words, ["site_id", "words", "identity"], words)
    return len(changed)


def delete_labels(connection: Connection, row_id: int, identities: Sequence[str]) -> None:
    """Remove the labels of devices at the site in this row."""
    _remove(connection, row_id, select_labels(connection, row_id, identities))


def delete_unlisted(connection: Connection, names: Sequence[str], identity: str) -> None:
    """Remove the label of a device whose evidence is gone, at those of these sites where it is on no list."""
    owner = connection.scalar(select(devices.c.site_id).where(devices.c.serial == identity))
    for row_id in connection.scalars(select(sites.c.id).where(sites.c.name.in_(names))).all():
        if row_id != owner:
            delete_labels(connection, row_id, [identity])


def _remove(connection: Connection, row_id: int, labels: Mapping[str, DeviceLabel]) -> None:
    """Remove labels with their words. These follow from a label, so no index by device is needed."""
    for identity, label in labels.items():
        words = list(words_of(label))
        of_device = label_words.delete().where(_WORDS.site_id == row_id, _WORDS.identity == identity)
        connection.execute(of_device.where(_WORDS.words.in_(words)))
    for some in chunks(labels):
        of_these = one_of(connection, _LABEL.identity, some)
        connection.execute(delete(device_labels).where(_LABEL.site_id == row_id, of_these))
