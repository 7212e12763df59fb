"""Releases' sealed private keys: what they are sealed for, and their public halves."""

from contextlib import suppress

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from engage_server.errors import SealBroken
from engage_server.records import Secret
from engage_server.store.sealing import Sealer
from engage_server.store.tables import releases, sites


def key_purpose(site: str, number: int) -> str:
    """Return the purpose for which a release's private key is sealed."""
    return f"private key of release {number} of {site}"


def keep_public_halves(connection: Connection, sealer: Sealer) -> None:
    """Store the public halves missing from before schema 0007, except where a private key cannot be opened."""
    rows = connection.execute(
        select(releases.c.id, releases.c.number, releases.c.private_key_sealed, sites.c.name.label("site"))
        .join(sites, sites.c.id == releases.c.site_id)
        .where(and_(releases.c.public_key.is_(None), _has_key()))
    ).all()
    for row in rows:
        with suppress(SealBroken, ValueError):
            opened = sealer.releases.open(row.private_key_sealed, key_purpose(row.site, row.number))
            values = {"public_key": _public_half(opened)}
            connection.execute(update(releases).where(releases.c.id == row.id).values(values))


def _has_key() -> ColumnElement[bool]:
    return func.length(releases.c.private_key_sealed) > 0


def _public_half(private_key: Secret) -> bytes:
    """Return the public half. The key was checked when it was staged, and checking again takes 40 ms per release."""
    key = load_pem_private_key(private_key.reveal(), None, unsafe_skip_rsa_key_validation=True)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
