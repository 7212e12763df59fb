"""Devices on KPN SIMs, messages to them, and the copy that the ingress reads."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import Conflict, FileNotUsable, NotFound, NotPossible, SealBroken, SettingsInvalid
from engage_server.links.journal.copied_tables import FileTables
from engage_server.records import (
    AuditAction,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    Occasion,
    Secret,
    SimType,
)
from engage_server.services.kpn_devices.ingress_copy import (
    _KEPT_RENEWALS,
    COPY_FILE,
    TAKEN_FOLDER,
    IngressCopy,
    read_copy,
    take,
)
from engage_server.services.kpn_devices.register import SMS_KEPT_FOR, KpnDevices, SimCard, secret_purpose
from engage_server.store.database.engine import open_engine
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import LinkSealer, new_key_encryption_key
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.path_events import at
from tests.support.stored import audit_events

IMEI, OTHER = "490154203237518", "356938035643809"
HTTP, SMS = DownlinkChannel.HTTP, DownlinkChannel.SMS
SECRET = Secret(b"a" * 30)
LINKS = LinkSealer(Secret(bytes(range(32))))
PLUS = SimCard("8931440400000000001", "31970000001", "small", SimType.M2M_PLUS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    yield store
    store.close()


@pytest.fixture
def devices(store: SqlStore) -> KpnDevices:
    return KpnDevices(store, lambda: LINKS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "links"


def tables(folder: Path, sealer: LinkSealer | None = LINKS) -> FileTables:
    """What an ingress process reads."""
    return FileTables(folder, sealer)


class TestRegister:
    """What operators do."""

    def test_a_secret_is_sealed_for_its_device_alone(self, devices: KpnDevices, occasion: Occasion) -> None:
        added = devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        assert devices.all() == [added]
        assert devices.device(IMEI) == added
        assert added.sealed_secret is not None
        assert SECRET.reveal() not in added.sealed_secret
        assert LINKS.open(added.sealed_secret, secret_purpose(IMEI)) == SECRET
        with pytest.raises(SealBroken):
            LINKS.open(added.sealed_secret, secret_purpose(OTHER))
        with pytest.raises(SealBroken, match="sealed with the key of another installation"):
            SEALER.open(added.sealed_secret, secret_purpose(IMEI))
        with pytest.raises(SealBroken) as broken:
            LinkSealer(Secret(bytes(32))).open(added.sealed_secret, secret_purpose(IMEI))
        assert "links_key_file" in broken.value.next_step

    def test_each_act_is_in_the_audit_log_without_the_secret(
        self, devices: KpnDevices, store: SqlStore, occasion: Occasion
    ) -> None:
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        devices.add(OTHER, "sim", SimCard(), None, occasion)
        devices.cancel(devices.send(IMEI, HTTP, "[]", occasion).number, occasion)
        devices.remove(IMEI, occasion)
        events = audit_events(store)
        assert [event.action for event in events] == [
            AuditAction.KPN_DEVICE_ADDED,
            AuditAction.KPN_DEVICE_ADDED,
            AuditAction.DOWNLINK_QUEUED,
            AuditAction.DOWNLINK_CANCELLED,
            AuditAction.KPN_DEVICE_REMOVED,
        ]
        assert [event.facts.get("proof") for event in events[:2]] == ["secret", "none"]
        assert SECRET.reveal().decode() not in repr(events)

    def test_only_an_m2m_plus_sim_takes_sms(self, devices: KpnDevices, occasion: Occasion) -> None:
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        devices.add(OTHER, "sim", SimCard(), SECRET, occasion)
        assert devices.send(IMEI, SMS, "wake up", occasion).status is DownlinkStatus.EXECUTING
        with pytest.raises(Conflict, match="takes no SMS"):
            devices.send(OTHER, SMS, "wake up", occasion)
        assert devices.send(OTHER, HTTP, "[]", occasion).status is DownlinkStatus.EXECUTING
        for channel in (HTTP, SMS):
            with pytest.raises(NotFound):
                devices.send("1" * 15, channel, "[]", occasion)

    def test_an_sms_fails_after_two_days_and_the_next_one_goes(self, devices: KpnDevices, occasion: Occasion) -> None:
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        for text in ("one", "two"):
            devices.send(IMEI, SMS, text, occasion)
        kept = devices.send(IMEI, HTTP, "[]", occasion)
        assert devices.discard_old_sms(NOW + SMS_KEPT_FOR - timedelta(seconds=1)) == 0
        assert devices.discard_old_sms(NOW + SMS_KEPT_FOR) == 1
        assert [each.status.value for each in devices.downlinks(IMEI)] == ["failed", "executing", "executing"]
        assert devices.downlinks()[-1].number == kept.number
        later = NOW + SMS_KEPT_FOR + SMS_KEPT_FOR  # the second one has its own two days, from when it was its turn
        assert devices.discard_old_sms(later - timedelta(seconds=1)) == 0
        assert devices.discard_old_sms(later) == 1


class TestCopy:
    """What the ingress reads, where it may not open the database."""

    def test_it_holds_what_the_ingress_needs_and_no_more(
        self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion
    ) -> None:
        added = devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        devices.add(OTHER, "sim", SimCard(), None, occasion)
        sent = devices.send(IMEI, HTTP, "[1]", occasion)
        devices.send(IMEI, HTTP, "[2]", occasion)
        devices.send(IMEI, SMS, "wake up", occasion)
        IngressCopy(folder, store).renew()
        copied = read_copy(folder)
        assert copied.executing == {IMEI: sent}
        assert copied.devices[IMEI] == KpnDevice(
            IMEI, "sim", "", "", "", SimType.M2M_PLUS, added.sealed_secret, added.added_at
        )
        assert copied.devices[OTHER].sealed_secret is None
        content = (folder / COPY_FILE).read_bytes()
        assert SECRET.reveal() not in content
        assert b"31970000001" not in content
        assert (folder / COPY_FILE).stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_it_is_written_again_only_if_something_changed(
        self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion
    ) -> None:
        copy = IngressCopy(folder, store)
        copy.renew()
        first = (folder / COPY_FILE).stat().st_ino
        copy.renew()
        assert (folder / COPY_FILE).stat().st_ino == first
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        copy.renew()
        assert IMEI in read_copy(folder).devices
        (folder / COPY_FILE).unlink()
        copy.renew()
        assert (folder / COPY_FILE).exists()

    def test_a_message_is_taken_once_whoever_comes(
        self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion
    ) -> None:
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        first, second = (devices.send(IMEI, HTTP, text, occasion) for text in ("[1]", "[2]"))
        copy = IngressCopy(folder, store)
        copy.renew()
        taken: list[bool] = []
        threads = [threading.Thread(target=lambda: taken.append(take(folder, first))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [False] * 7 + [True]
        copy.renew()
        assert [each.status.value for each in devices.downlinks()] == ["delivered", "executing"]
        assert read_copy(folder).executing == {IMEI: store.downlinks()[1]}
        assert take(folder, second)

    def test_an_ingress_that_still_acts_on_the_last_copy_cannot_take_it_again(
        self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion
    ) -> None:
        """It looks at the copy now and then, and a thread may have waited."""
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        sent, copy = devices.send(IMEI, HTTP, "[1]", occasion), IngressCopy(folder, store)
        copy.renew()
        assert take(folder, sent)
        for _ in range(_KEPT_RENEWALS):
            copy.renew()
            assert not take(folder, sent)
        copy.renew()
        assert list((folder / TAKEN_FOLDER).iterdir()) == []
        assert [each.status.value for each in devices.downlinks()] == ["delivered"]

    def test_strange_files_among_the_taken_ones_do_no_harm(self, store: SqlStore, folder: Path) -> None:
        copy = IngressCopy(folder, store)
        copy.renew()
        for name in ("x", "99", "-1"):
            (folder / TAKEN_FOLDER / name).touch()
        for _ in range(_KEPT_RENEWALS + 1):
            copy.renew()
        assert list((folder / TAKEN_FOLDER).iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"{}", b'{"form": 2}', b'{"form": 1, "kpn_devices": [{}]}', b"\xff"])
    def test_a_copy_of_another_form_is_refused(self, folder: Path, content: bytes) -> None:
        folder.mkdir()
        with pytest.raises(FileNotUsable):
            read_copy(folder)
        (folder / COPY_FILE).write_bytes(content)
        with pytest.raises(NotPossible, match="not a copy"):
            read_copy(folder)


class TestTables:
    """The link tables of an ingress process."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engage_server.links.journal.copied_tables._LOOK_SECONDS", 0.0)

    def test_they_follow_the_copy(self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion) -> None:
        found, copy = tables(folder), IngressCopy(folder, store)
        assert found.kpn_device(IMEI) is None
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        copy.renew()
        device = found.kpn_device(IMEI)
        assert device is not None
        assert found.kpn_secret(device) == SECRET
        assert tables(folder, None).kpn_secret(device) is None
        assert found.executing_downlink(IMEI) is None
        devices.send(IMEI, HTTP, "[1]", occasion)
        copy.renew()
        downlink = found.executing_downlink(IMEI)
        assert downlink is not None
        assert found.deliver(downlink, at(1))
        assert not tables(folder).deliver(downlink, at(1))

    def test_the_last_copy_counts_while_none_can_be_read(
        self, devices: KpnDevices, store: SqlStore, folder: Path, occasion: Occasion, caplog: pytest.LogCaptureFixture
    ) -> None:
        devices.add(IMEI, "sim", PLUS, SECRET, occasion)
        IngressCopy(folder, store).renew()
        found = tables(folder)
        assert found.kpn_device(IMEI)
        time.sleep(0.01)
        (folder / COPY_FILE).write_bytes(b"broken")
        assert found.kpn_device(IMEI)
        assert found.kpn_device(IMEI)
        assert len(caplog.records) == 1, "trouble is told once"
        (folder / COPY_FILE).unlink()
        os.rmdir(folder / TAKEN_FOLDER)  # noqa: PTH106  # nothing may be in it
        assert found.kpn_device(IMEI)


class TestKey:
    """The key of the links."""

    def test_a_text_is_read_and_any_other_is_refused(self) -> None:
        text = new_key_encryption_key()
        sealed = LinkSealer.from_text(text, "links.key").seal(SECRET, "x")
        assert LinkSealer.from_text(b" " + text, "links.key").open(sealed, "x") == SECRET
        with pytest.raises(SealBroken):
            KeyEncryptionKey.from_text(text, "kek").open(sealed, "x")
        for wrong in (b"", b"short", text[:-5], b"=" * 44):
            with pytest.raises(SettingsInvalid, match=r"links\.key: not a key of the links"):
                LinkSealer.from_text(wrong, "links.key")
