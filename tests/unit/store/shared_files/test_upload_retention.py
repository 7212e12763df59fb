"""How long uploads stay in rows: as long as the settings say, and until each reader has them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.records import AccessToken, AuditEvent, CallIn, CallInWay, Grant, Role
from engage_server.services.shared_files.retention import UploadRetention
from engage_server.store.database.engine import open_engine
from engage_server.store.interface.shared_files import UploadKey, UploadLimits
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.rows import site
from tests.support.world import serial_of

ONE, LIMITS = serial_of(1), UploadLimits(999, 999)
AT_ONCE, DAY = timedelta(0), timedelta(days=1)
TOKEN = AccessToken("a1b2c3d4e5f6", "partner", "anna", Grant(Role.VIEWER), "d" * 64, NOW, NOW + 9 * DAY)


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    store.add_site(replace(site("main"), call_in=CallIn(CallInWay.SHARED)), SITE_KEY, event)
    for each in "abcd":
        store.add_shared_upload("main", UploadKey(ONE, "audits", each), lambda *_: b"{}", LIMITS)
    store.import_shared_uploads("main", {UploadKey(ONE, "audits", "old"): b"{}"})
    yield store
    store.close()


def left(store: SqlStore) -> list[int | None]:
    return [each.number for each in store.shared_uploads_of("main", ONE, "audits", 0, 9, 999)]


def test_they_stay_as_long_as_the_setting_says(store: SqlStore) -> None:
    assert UploadRetention(store, None).run() == 0
    assert UploadRetention(store, DAY).run() == 0
    assert UploadRetention(store, AT_ONCE).run() == 5
    assert left(store) == []
    standing = store.shared_standing("main")
    assert standing is not None
    assert (standing.uploads, standing.bytes) == (4, 0), "numbers go on, and their bytes are free"


def test_what_a_reader_does_not_have_stays_while_its_token_is_good(store: SqlStore, event: AuditEvent) -> None:
    standing = store.shared_standing("main")
    assert standing is not None
    store.add_access_token(TOKEN, event)
    for number in (1, 2, 1):  # it never goes back
        store.note_shared_reader("main", "partner", standing.journal, number)
    store.note_shared_reader("main", "nobody", standing.journal, 0)
    assert [(each.token, each.number) for each in store.shared_readers("main")] == [("partner", 2)]
    assert store.forget_shared_uploads("main", AT_ONCE, 9) == 3
    assert left(store) == [3, 4]
    store.note_shared_reader("main", "partner", "another1", 4)
    assert store.forget_shared_uploads("main", AT_ONCE, 9) == 0, "a cursor of before a restore says nothing"
    store.revoke_access_token("partner", NOW, event)
    assert store.forget_shared_uploads("main", AT_ONCE, 1) == 1
    assert UploadRetention(store, AT_ONCE).run() == 1
