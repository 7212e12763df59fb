"""The private keys of releases are sealed under a key of their own, which opens nothing else."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.composition.starting.release_key import derived_release_key
from engage_server.errors import SealBroken, SettingsInvalid
from engage_server.records import AuditAction, AuditEvent, Secret
from engage_server.records.release_key import is_release_key, read_release_key, write_release_key
from engage_server.services.distribution.snapshot import take_snapshot
from engage_server.settings import load_settings
from engage_server.store import release_keys, schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.keys.sealed_values import RELEASE_SEAL_PROBE_PURPOSE, SEAL_PROBE_PURPOSE
from engage_server.store.sealing import ReleaseSealer, Sealer, new_key_encryption_key
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import KEK, SEALER, upgrade
from tests.support.rows import draft, private_key, site

EARLIER = KEK.earlier_sealer()
EVENT = AuditEvent(NOW, "tester", AuditAction.RELEASE_STAGED)

# made by an early version, from KEK, for "private key of release 1 of main"
SEALED_BEFORE = bytes.fromhex(
    "0188ee2ed62e69a75bd473f4edd751a7efdfcdb60c2820743260f5748601a9c7fb4995d2165a9fa9f4c39d7cd54b302e82a2e283f2c0"
)


def _damaged(sealed: bytes) -> bytes:
    """With a last octet that is surely another."""
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    """Alembic alone, as far as an earlier version knew."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def make_earlier_database(engine: Engine) -> None:
    """A site with three releases, as the version before made them: 1 served, 2 retired for good, 3 damaged."""
    one = draft()
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, one.chain)).encode()
    values = {
        "probe": EARLIER.seal(Secret(b"engage"), SEAL_PROBE_PURPOSE),
        "site_key": EARLIER.seal(SITE_KEY, "site key of main"),
        "key": EARLIER.seal(private_key(), release_keys.key_purpose("main", 1)),
        "damaged": _damaged(EARLIER.seal(private_key(), release_keys.key_purpose("main", 1))),
        "none": b"",
        "anchor": one.anchor_der,
        "chain": pem,
    }
    row = (
        "INSERT INTO releases (site_id, number, state, anchor_der, anchor_hash, chain_pem, root_der, "
        "private_key_sealed, staged_at, key_destroyed_at) VALUES (1, {}, '{}', :anchor, 'x', :chain, :anchor, :{}, "
        "'2026-01-01', {})"
    )
    with engine.begin() as connection:
        migrate(connection, "0004")
        for statement in (
            "INSERT INTO installation (id, generation, seal_probe) VALUES (1, 9, :probe)",
            "INSERT INTO sites (id, name, anchor, is_default, device_networks, site_key_sealed, created_at) "
            "VALUES (1, 'main', 'root', true, '[]', :site_key, '2026-01-01')",
            "INSERT INTO site_hosts (site_id, host, position) VALUES (1, 'main.example', 0)",
            row.format(1, "current", "key", "NULL"),
            row.format(2, "retired", "none", "'2026-01-02'"),
            row.format(3, "staged", "damaged", "NULL"),
        ):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)


def sealed_keys(engine: Engine) -> list[bytes]:
    """All sealed private keys, as they lie there."""
    with engine.connect() as connection:
        return [
            bytes(row[0]) for row in connection.execute(text("SELECT private_key_sealed FROM releases ORDER BY number"))
        ]


def test_what_the_version_before_sealed_still_opens() -> None:
    purpose = release_keys.key_purpose("main", 1)
    assert EARLIER.open(SEALED_BEFORE, purpose) == Secret(b"a private key, as PEM")


def test_a_database_of_before_is_served_after_init(engine: Engine) -> None:
    make_earlier_database(engine)
    before = sealed_keys(engine)
    assert before[0][:1] == b"\x01"
    upgrade(engine)
    after = sealed_keys(engine)
    assert after[0][:1] == b"\x02"
    assert after[1:] == before[1:], "a destroyed key stays destroyed, and a damaged one holds up no other"
    upgrade(engine)
    assert sealed_keys(engine) == after, "doing it again changes nothing"
    worker = SqlStore(engine, None, ReleaseSealer(SEALER.release_key))
    served = take_snapshot(worker, 80, with_private_keys=True).current["main"]
    assert served.private_key == private_key()
    assert SqlStore(engine, SEALER).private_key("main", 1) == private_key()
    assert SqlStore(engine, SEALER).site_key("main") == SITE_KEY
    with pytest.raises(SealBroken, match="sealed in the form of an earlier version"):
        worker.private_key("main", 3)
    engine.dispose()


def test_releases_of_before_get_their_public_keys_and_keep_their_chains(engine: Engine) -> None:
    make_earlier_database(engine)
    upgrade(engine)
    first, destroyed, damaged = SqlStore(engine, SEALER).releases("main")
    assert {each.chain for each in (first, destroyed, damaged)} == {draft().chain}
    assert first.public_key == draft().public_key
    assert (destroyed.public_key, damaged.public_key) == (None, None), "what does not open is not guessed"
    upgrade(engine)
    assert SqlStore(engine, SEALER).releases("main") == [first, destroyed, damaged], "doing it again changes nothing"
    engine.dispose()


def test_an_upgrade_that_is_interrupted_leaves_what_was(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is one transaction: afterwards the old version still works, and so does the next try."""
    make_earlier_database(engine)
    before = sealed_keys(engine)

    def killed(*_arguments: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        # after the private keys, with the probe
        seal = ReleaseSealer.seal
        patched.setattr(
            ReleaseSealer,
            "seal",
            lambda self, secret, purpose: (
                killed() if purpose == RELEASE_SEAL_PROBE_PURPOSE else seal(self, secret, purpose)
            ),
        )
        upgrade(engine)
    assert sealed_keys(engine) == before
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0004"
    upgrade(engine)
    assert sealed_keys(engine)[0][:1] == b"\x02"
    engine.dispose()


def test_the_release_key_opens_releases_and_nothing_else(engine: Engine) -> None:
    upgrade(engine)
    operators = SqlStore(engine, SEALER)
    operators.add_site(site(), SITE_KEY, EVENT)
    operators.stage_release(draft(), private_key(), EVENT)
    release_key = operators.release_key()
    worker = SqlStore(engine, None, ReleaseSealer(release_key))
    assert worker.private_key("main", 1) == private_key()
    for refused in (lambda: worker.site_key("main"), lambda: worker.record(EVENT), worker.audit_verdict):
        with pytest.raises(SealBroken, match="without the key-encryption key"):
            refused()
    with engine.connect() as connection:
        sealed_site_key = bytes(connection.scalar(text("SELECT site_key_sealed FROM sites")) or b"")
    # not by force either: whatever the bytes of the release key are tried as
    relabelled = b"\x02" + ReleaseSealer(release_key).seal(SITE_KEY, "x")[1:5] + sealed_site_key[5:]
    for sealer, sealed in (
        (ReleaseSealer(release_key), sealed_site_key),
        (ReleaseSealer(release_key), relabelled),
        (Sealer(release_key), sealed_site_key),
        (Sealer(release_key), Sealer(release_key).seal(SITE_KEY, "x")[:5] + sealed_site_key[5:]),
    ):
        with pytest.raises(SealBroken):
            sealer.open(sealed, "site key of main")
    assert SEALER.open(sealed_site_key, "site key of main") == SITE_KEY, "the control"
    forger = SqlStore(engine, Sealer(release_key))
    forger.record(EVENT)
    assert operators.audit_verdict().faults, "nor does it sign the audit log"
    engine.dispose()


def test_a_wrong_release_key_is_found_at_the_start(engine: Engine) -> None:
    upgrade(engine)
    schema.assert_release_seal(engine, SEALER.releases)
    other = Sealer(Secret(bytes([1]) * 32))
    with pytest.raises(SealBroken, match="sealed with another key") as caught:
        schema.assert_release_seal(engine, other.releases)
    assert "export-release-key" in caught.value.next_step
    engine.dispose()


def test_a_device_side_with_a_wrong_release_key_does_not_start(tmp_path: Path) -> None:
    """Before the first device calls, and though nothing is served yet that it could not open."""
    settings = load_settings(None, {}, {}, tmp_path)
    create_installation(settings, {}).close()
    right = derived_release_key(settings, {})
    DeviceSide(settings, ReleaseSealer(right)).release_connections()
    DeviceSide(settings, None).release_connections()
    with pytest.raises(SealBroken, match="sealed with another key"):
        DeviceSide(settings, ReleaseSealer(Secret(bytes(32))))


def test_the_release_key_depends_on_the_installation_key_alone() -> None:
    key = Secret(bytes(32))
    assert Sealer(key).release_key == Sealer(Secret(bytes(32))).release_key
    assert Sealer(Secret(bytes([1]) * 32)).release_key != Sealer(key).release_key
    assert Sealer(key).release_key.reveal() not in (key.reveal(), Sealer(key).audit_key)
    # RFC 5869 with SHA-256, no salt, info "engage-server release keys", computed by openssl kdf
    assert Sealer(key).release_key.reveal().hex() == "bae0c95a3452e241fde79a69581651600d009967f4a9914ced2439501cb36161"


class TestText:
    """The two kinds of key are never taken for each other."""

    def test_it_comes_back_as_it_was(self) -> None:
        written = write_release_key(SEALER.release_key)
        assert is_release_key(written)
        assert read_release_key(written, "x") == SEALER.release_key
        assert ReleaseSealer.from_text(b" " + written, "x").open(SEALER.releases.seal(SITE_KEY, "y"), "y") == SITE_KEY

    @pytest.mark.parametrize(
        "content",
        [b"", b"engage-release-key:", b"engage-release-key:AAAA", b"engage-release-key:%", new_key_encryption_key()],
        ids=["nothing", "mark", "short", "no Base64", "key-encryption key"],
    )
    def test_anything_else_is_refused_and_not_repeated(self, content: bytes) -> None:
        with pytest.raises(SettingsInvalid, match="not a release key") as caught:
            read_release_key(content, "release.key")
        assert not content or content.decode().strip() not in f"{caught.value} {caught.value.next_step}"

    def test_it_is_no_key_encryption_key(self) -> None:
        with pytest.raises(SettingsInvalid, match="not a key-encryption key"):
            KeyEncryptionKey.from_text(write_release_key(SEALER.release_key), "engage.kek")

    def test_another_length_is_refused(self) -> None:
        with pytest.raises(SettingsInvalid, match="31 bytes"):
            ReleaseSealer(Secret(bytes(31)))
