"""Taking over from the vendor's sample: each fault is named, and devices notice nothing."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock
from engage_server.protocol.site_key import write_site_key
from engage_server.records import Secret
from tests.support import checkout
from tests.support.chains import SITE_KEY
from tests.support.running import RunningPair, engage, ok, running_pair
from tests.support.vendor_folder import Edits, write_vendor_folder
from tests.support.world import serial_of

MENDED = Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True)
CASES = checkout.ROOT / "tests" / "assets" / "cases"
CERTIFICATES = "static/Device_Certificates"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.key").write_bytes(write_site_key(SITE_KEY))
    return tmp_path


def look(folder: Path, edits: Edits, *options: str) -> tuple[dict[str, str], dict[str, object], int]:
    """What is said of a sample: sentences by code, all of it, and the exit status."""
    write_vendor_folder(folder / "vendor", edits)
    done = engage(folder, "import", "vendor", "vendor", "--site-key-file", "site.key", "--json", *options)
    found = json.loads(done.stdout)
    return {each["code"]: each["sentence"] for each in found["faults"]}, found, done.returncode


def test_the_pages_recipe_as_it_is(folder: Path) -> None:
    codes, found, status = look(folder, Edits())
    assert status == 1
    assert {"vendor.leaf_alone", "path.issuer_not_ca", "san.missing", "vendor.text_dump", "vendor.key_exposed"} <= set(
        codes
    )
    assert "vendor.hash_mismatch" not in codes
    assert (found["anchor"], found["anchor_is_held"], found["anchor_role"]) == ("partner_CA.der", True, "root")
    assert found["hosts"] == ["10.44.68.128"]
    assert found["devices"] == [serial_of(n) for n in range(3)]
    assert not (folder / "data").exists(), "looking changes nothing"


def test_a_route_that_returns_none_as_the_page_prints_it(folder: Path) -> None:
    edits = Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, returns_nothing=True)
    codes, found, status = look(folder, edits)
    assert status == 1
    assert "No device ever gets a notice" in codes["vendor.returns_nothing"]
    assert "vendor.hash_mismatch" not in codes, "the text is right; it is only not given"
    assert "vendor.no_anchor" not in codes
    assert (found["anchor"], found["anchor_is_held"]) == ("partner_CA.der", False)
    said = engage(folder, "import", "vendor", "vendor", "--site-key-file", "site.key").stdout
    assert "nothing yet, because no notice is sent; intended: Partner CA" in said


def test_a_notice_that_only_a_run_would_show(folder: Path) -> None:
    """It is said that it cannot be read, and nothing of the key; what can be read is still looked at."""
    top = write_vendor_folder(folder / "vendor", MENDED)
    for script in top.glob("*.py"):
        text = script.read_text()
        script.write_text(re.sub(r'"hash":"[^"]+"', '"hash":"\' + make_hash() + \'"', text))
    done = engage(folder, "import", "vendor", "vendor", "--site-key-file", "site.key", "--json", "--apply")
    assert done.returncode == 1
    assert "no notice could be read from the scripts" in done.stderr
    assert not (folder / "data").exists()
    found = json.loads(engage(folder, "import", "vendor", "vendor", "--site-key-file", "site.key", "--json").stdout)
    codes = {each["code"]: each["sentence"] for each in found["faults"]}
    assert "cannot be read from the script" in codes["vendor.notice_unreadable"]
    assert "The site key was not checked" in codes["vendor.no_anchor"]
    assert "vendor.hash_mismatch" not in codes
    assert {each["notice"] for each in found["scripts"]} == {"unreadable"}


def test_the_field_case_with_jsonify(tmp_path: Path) -> None:
    shutil.copytree(CASES / "vendor-jsonify", tmp_path / "case")
    done = engage(tmp_path, "import", "vendor", "case", "--site-key-file", "case/site.key", "--json")
    found = json.loads(done.stdout)
    assert (found["anchor"], found["anchor_is_held"], found["anchor_role"]) == ("partner_CA.der", True, "root")
    assert {each["notice"] for each in found["scripts"]} == {"read"}
    assert not [each for each in found["faults"] if each["code"].startswith("vendor.")]
    other = engage(tmp_path, "import", "vendor", "case", "--site-key-file", "-", "--json", stdin=b"cd" * 32)
    assert "vendor.no_anchor" in other.stdout, "the negative control: with another key it is the key"
    assert "no script has the hash of a certificate with this site key" in other.stdout


def test_a_sample_without_faults(folder: Path) -> None:
    codes, found, status = look(folder, MENDED)
    assert status == 0
    known = {
        "vendor.text_dump",
        "vendor.key_exposed",
        "path.issuer_form",
    }  # openssl's CAs have no key usage by themselves
    assert {code for code in codes if not code.startswith("validity.")} == known
    assert found["anchor_is_held"]


@pytest.mark.parametrize(
    ("hash_of", "why"),
    [
        ("pem", "made from the text in partner_CA.pem"),
        ("base64 key", "Base64 text"),
        ("intermediate", "it is the one of Partner Intermediate"),
        ("other key", "no certificate here has it"),
    ],
)
def test_a_hash_that_does_not_match_and_why(folder: Path, hash_of: str, why: str) -> None:
    edits = Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, hash_of=hash_of)
    codes, found, status = look(folder, edits)
    assert status == 1
    assert why in codes["vendor.hash_mismatch"]
    assert not found["anchor_is_held"]
    assert ("vendor.no_anchor" in codes) == (hash_of == "other key")


def test_a_root_that_was_made_anew(folder: Path) -> None:
    codes, _, _ = look(folder, Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, other_root=True))
    assert "made again since" in codes["vendor.hash_mismatch"]


def test_a_pem_where_der_should_be(folder: Path) -> None:
    codes, found, _ = look(
        folder, Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, der_is_pem=True)
    )
    assert "vendor.not_der" in codes
    assert (found["anchor"], found["anchor_is_held"]) == ("partner_CA.der", False)


def test_a_chain_that_is_too_long(folder: Path) -> None:
    """Names that fill the device's memory, in the vendor's three certificates."""
    edits = Edits(intermediate_is_ca=True, has_san=True, sends_intermediate=True, long_names=True)
    codes, _, status = look(folder, edits)
    assert "chain.no_room_for_link" in codes
    assert status == 0
    edits.long_names, edits.very_long_names = False, True
    (folder / "more").mkdir()
    (folder / "more" / "site.key").write_bytes(write_site_key(SITE_KEY))
    codes, _, status = look(folder / "more", edits)
    assert "chain.too_long" in codes
    assert status == 1


def test_without_the_anchors_key_a_faulty_chain_is_refused_and_nothing_made(folder: Path) -> None:
    write_vendor_folder(folder / "vendor", Edits(has_root_key=False))
    done = engage(folder, "import", "vendor", "vendor", "--site-key-file", "site.key", "--apply")
    assert done.returncode == 1
    assert "vendor.no_key" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["site.key", "vendor"]


def test_another_site_key_is_refused(folder: Path) -> None:
    """The negative control of every takeover: nobody's anchor is guessed."""
    write_vendor_folder(folder / "vendor", MENDED)
    (folder / "other.key").write_bytes(write_site_key(Secret(bytes(range(150, 182)))))
    done = engage(folder, "import", "vendor", "vendor", "--site-key-file", "other.key", "--apply")
    assert done.returncode == 1
    assert "vendor.no_anchor" in done.stderr
    assert not (folder / "data").exists()


@pytest.mark.parametrize("what", ["nothing", "a file", "no scripts"])
def test_a_folder_that_is_no_sample(folder: Path, what: str) -> None:
    target = folder / "x"
    if what == "a file":
        target.write_text("x")
    elif what == "no scripts":
        (target / CERTIFICATES).mkdir(parents=True)
    done = engage(folder, "import", "vendor", "x", "--site-key-file", "site.key")
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in done.stderr


def _door(pair: RunningPair, anchor: bytes, device: int) -> VirtualLock:
    """A door that took its anchor from the vendor's sample, months ago."""
    memory = DeviceMemory().with_anchor(anchor, datetime.now(UTC))
    target = Target("127.0.0.1", pair.http_port, pair.https_port)
    return VirtualLock(target, SITE_KEY, DeviceLimits(), Firmware(), serial_of(device), memory)


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(Edits(host="127.0.0.1"), id="stock"),
        pytest.param(
            Edits(True, True, True, host="127.0.0.1"),
            id="mended",
            marks=pytest.mark.campaign("the stock folder, beside"),
        ),
    ],
)
def test_devices_notice_nothing(folder: Path, edits: Edits) -> None:
    """They call by TLS with the anchor that they have; ask for no other; get their database; and old addresses work."""
    top = write_vendor_folder(folder / "vendor", edits)
    command = ("import", "vendor", "vendor", "--site-key-file", "site.key", "--apply", "--host", "127.0.0.1")
    ok(engage(folder, *command))
    again = ok(engage(folder, *command))
    assert "already serves a release with this anchor" in again
    anchor = (top / CERTIFICATES / "partner_CA.der").read_bytes()
    with running_pair(folder, "--workers", "1") as pair:
        for device in range(3):
            steps = {
                step.name: step
                for step in _door(pair, anchor, device).run(Trigger.NIGHT, datetime.now(UTC), call_in=True)
            }
            assert all(step.ok for step in steps.values()), steps
            assert next(iter(steps)) == "tls", "it did not ask for another anchor"
            assert "202" in steps["audit"].sentence, "its audits from before are known"
        for name in ("partner_CA.der", "partner_intermediate.der"):
            answer = pair.raw_http(
                f"GET /{CERTIFICATES}/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            assert answer.endswith(b"\r\n\r\n" + (top / CERTIFICATES / name).read_bytes())
            assert b"Content-Type: application/octet-stream\r\n" in answer
        for name in ("partner_CA.key", "partner_server.key", "partner_server.pem", "../site.key", "nothing.der"):
            answer = pair.raw_http(
                f"GET /{CERTIFICATES}/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            assert answer.startswith(b"HTTP/1.1 404 "), name
    shown = ok(engage(folder, "device", "show", serial_of(0)))
    assert "0B07" in shown
    log = json.loads(ok(engage(folder, "audit", "show", "--json")))
    assert [each for each in log if each["action"] == "vendor:imported"]
