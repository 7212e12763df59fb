"""Every value of the database that is sealed under the installation key, or under the release key derived from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select, update

from engage_server.errors import SealBroken
from engage_server.records import SealedValues, Secret
from engage_server.store.alerts.recipient_queries import key_purpose as recipient_purpose
from engage_server.store.alerts.tables import alert_recipients
from engage_server.store.queries.site_queries import key_purpose as site_key_purpose
from engage_server.store.release_keys import key_purpose as private_key_purpose
from engage_server.store.sealing import UNDER_RELEASE_KEY, DerivingKey
from engage_server.store.shared_files.sealed_contents import open_contents
from engage_server.store.tables import installation, releases, sites

SEAL_PROBE_PURPOSE = "the installation's seal probe"
RELEASE_SEAL_PROBE_PURPOSE = "the seal probe of the releases' keys"


@dataclass(frozen=True, slots=True)
class SealedValue:
    """One sealed value, and where it is.

    Attributes:
        purpose: What it is for. It opens for nothing else.
        sealed: The value.
        is_private_key: Whether it is sealed under the release key.
        column: Its column.
        row: The condition of its row.
    """

    purpose: str
    sealed: bytes
    is_private_key: bool
    column: Column[bytes]
    row: ColumnElement[bool]

    def opened(self, sealer: DerivingKey) -> Secret:
        """Open it.

        Raises:
            SealBroken: It does not open.
        """
        is_under_release_key = self.is_private_key and self.sealed[:1] == UNDER_RELEASE_KEY
        opens = sealer.releases if is_under_release_key else sealer
        return opens.open(self.sealed, self.purpose)

    def seal_again(self, connection: Connection, secret: Secret, sealer: DerivingKey) -> None:
        """Put the same secret in its place, sealed by another sealer."""
        seals = sealer.releases if self.is_private_key else sealer
        sealed = seals.seal(secret, self.purpose)
        connection.execute(update(self.column.table).where(self.row).values({self.column.name: sealed}))


def sealed_values(connection: Connection) -> Iterator[SealedValue]:
    """Yield each of them. Destroyed private keys are left out."""
    probes = connection.execute(select(installation.c.seal_probe, installation.c.release_seal_probe)).first()
    if probes is not None:
        the_one = installation.c.id == 1
        yield SealedValue(SEAL_PROBE_PURPOSE, probes.seal_probe, False, installation.c.seal_probe, the_one)
        if probes.release_seal_probe is not None:
            column = installation.c.release_seal_probe
            yield SealedValue(RELEASE_SEAL_PROBE_PURPOSE, probes.release_seal_probe, True, column, the_one)
    yield from (_site_key(row) for row in connection.execute(select(sites).order_by(sites.c.name)).all())
    yield from (_private_key(row) for row in connection.execute(_PRIVATE_KEYS).all())
    yield from (_of_recipient(row) for row in connection.execute(_OF_RECIPIENTS).all())


_PRIVATE_KEYS = (
    select(releases.c.id, releases.c.number, releases.c.private_key_sealed, sites.c.name.label("site"))
    .join(sites, sites.c.id == releases.c.site_id)
    .where(func.length(releases.c.private_key_sealed) > 0)
    .order_by(sites.c.name, releases.c.number)
)
_OF_RECIPIENTS = (
    select(alert_recipients.c.name, alert_recipients.c.secret_sealed)
    .where(alert_recipients.c.secret_sealed.is_not(None))
    .order_by(alert_recipients.c.name)
)


def _site_key(row: Any) -> SealedValue:
    column = sites.c.site_key_sealed
    return SealedValue(site_key_purpose(row.name), row.site_key_sealed, False, column, sites.c.id == row.id)


def _private_key(row: Any) -> SealedValue:
    purpose, column = private_key_purpose(row.site, row.number), releases.c.private_key_sealed
    return SealedValue(purpose, row.private_key_sealed, True, column, releases.c.id == row.id)


def _of_recipient(row: Any) -> SealedValue:
    column, name = alert_recipients.c.secret_sealed, row.name
    return SealedValue(recipient_purpose(name), row.secret_sealed, False, column, alert_recipients.c.name == name)


def open_all(connection: Connection, sealer: DerivingKey) -> SealedValues:
    """Open each of them, and say which do not open."""
    count, broken = 0, []
    for each in sealed_values(connection):
        count += 1
        try:
            each.opened(sealer)
        except SealBroken:
            broken.append(each.purpose)
    shared = open_contents(connection, sealer)
    return SealedValues(count + shared.count, (*broken, *shared.broken))


def seal_all_again(connection: Connection, before: DerivingKey, now: DerivingKey) -> SealedValues:
    """Seal each of them under another key. What does not open stays as it is, and is named."""
    count, broken = 0, []
    for each in list(sealed_values(connection)):
        count += 1
        try:
            secret = each.opened(before)
        except SealBroken:
            broken.append(each.purpose)
        else:
            each.seal_again(connection, secret, now)
    return SealedValues(count, tuple(broken))
