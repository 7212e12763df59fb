"""IPv4 callers of a socket for both kinds were recorded as ``::ffff:a.b.c.d``. From now on they are ``a.b.c.d``.

A device that sends no serial number is known by its address. If it is known by both spellings, the plain one stays.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    """
    DELETE FROM release_histories WHERE device_id IN (
        SELECT mapped.id FROM device_histories AS mapped JOIN device_histories AS present
        ON present.site = mapped.site AND present.identity = substr(mapped.identity, 8)
        WHERE mapped.identity LIKE '::ffff:%.%.%.%')
    """,
    """
    DELETE FROM device_histories WHERE id IN (
        SELECT mapped.id FROM device_histories AS mapped JOIN device_histories AS present
        ON present.site = mapped.site AND present.identity = substr(mapped.identity, 8)
        WHERE mapped.identity LIKE '::ffff:%.%.%.%')
    """,
    """
    DELETE FROM device_addresses WHERE address LIKE '::ffff:%.%.%.%' AND EXISTS (
        SELECT 1 FROM device_addresses AS present WHERE present.site = device_addresses.site
        AND present.serial = device_addresses.serial AND present.address = substr(device_addresses.address, 8))
    """,
    "UPDATE device_addresses SET address = substr(address, 8) {address}",
    "UPDATE sightings SET address = substr(address, 8) {address}",
    "UPDATE device_histories SET identity = substr(identity, 8) {identity}",
    "UPDATE device_histories SET home = substr(home, 8) {home}",
    "UPDATE device_histories SET away = substr(away, 8) {away}",
)
_WHERE = "WHERE {0} LIKE '::ffff:%.%.%.%' AND {0} NOT LIKE '::ffff:%:%'"


def upgrade() -> None:
    where = {column: _WHERE.format(column) for column in ("address", "identity", "home", "away")}
    for statement in _STATEMENTS:
        op.execute(statement.format(**where))
