"""What ``engage device show`` says about a device of which little is stored yet."""

import json
from pathlib import Path

import pytest

from engage_server.cli.device.device_views import print_device
from engage_server.records import DeviceHistory
from engage_server.services.evidence.device_view import DeviceView
from tests.support.chains import NOW
from tests.support.commands import engage, ok
from tests.support.world import serial_of

LOOK_AGAIN = "contacts are stored a few seconds after a call: look again then"


def test_audits_are_here_before_the_contact_is(installation: Path) -> None:
    ok(engage(installation, "device", "add", serial_of(1), serial_of(2), "--site", "main"))
    (installation / serial_of(1)).mkdir()
    audits = {"audits": [{"event": "0B07", "timestamp": "20261126000000"}]}
    (installation / serial_of(1) / "audits.json").write_text(json.dumps(audits))
    ok(engage(installation, "device", "import", serial_of(1), "--site", "main"))
    called, silent = (ok(engage(installation, "device", "show", serial_of(device))) for device in (1, 2))
    assert f"{serial_of(1)} of main was added, and no contact of it is stored yet\n{LOOK_AGAIN}" in called
    assert "its audits and alerts, the last 1 of 1:" in called
    assert "never seen" not in called
    assert f"{serial_of(2)} of main was added, and never seen\n{LOOK_AGAIN}" in silent


@pytest.mark.parametrize("is_shared", [True, False])
def test_an_address_at_which_one_device_named_itself(capsys: pytest.CaptureFixture[str], is_shared: bool) -> None:
    history = DeviceHistory("main", "127.0.0.1", NOW, NOW, 1, NOW, is_shared_address=is_shared)
    print_device(DeviceView("main", "127.0.0.1", history, None, 0, None))
    shown = capsys.readouterr().out
    assert ("at least one device with a serial number calls from this address" in shown) == is_shared
    assert "several" not in shown
