"""The commands as scripts and people call them: output, exit status, bad input, nothing lost, no secret shown."""

import base64
import json
import os
import pty
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.protocol.site_key import anchor_hash
from engage_server.records import Secret
from tests.support.chains import OTHER_SITE_KEY, SITE_KEY
from tests.support.ports import free_port
from tests.support.refusals import KEY_TEXTS, error, refused
from tests.support.running import ENGAGE, RunningPair, clean_environment, engage, eventually, ok


def serve_http() -> tuple[str, ...]:
    """On a port that nobody else has: it looks at its ports first."""
    return ("serve", "http", "--bind", "127.0.0.1", "--http-port", str(free_port()))


class TestInit:
    """``engage init``, whole, interrupted and again."""

    def test_from_nothing(self, tmp_path: Path) -> None:
        shown = ok(engage(tmp_path, "init", "--host", "locks.example.org"))
        assert "activated release 1 of main" in shown
        assert shown.splitlines()[-1].endswith("serve")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
        assert modes == {"engage.toml": 0o644, "engage.kek": 0o600, "certs": 0o700, "data": 0o700}
        for path in (tmp_path / "data").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path

    def test_again_changes_nothing(self, installation: Path) -> None:
        before = {p: p.read_bytes() for p in (installation / "certs" / "main").iterdir()}
        assert "nothing to do" in ok(engage(installation, "init"))
        assert before == {p: p.read_bytes() for p in (installation / "certs" / "main").iterdir()}
        assert len(json.loads(ok(engage(installation, "release", "list", "--json")))) == 1

    def test_a_site_that_differs_is_not_touched(self, installation: Path) -> None:
        error(engage(installation, "init", "--host", "other.example"), 2, "other hosts: locks.example.org")
        other = base64.b64encode(OTHER_SITE_KEY.reveal())
        error(engage(installation, "init", "--site-key-file", "-", stdin=other), 2, "cannot be changed")

    @pytest.mark.parametrize("lost", ["chain", "release", "database"])
    def test_an_interrupted_run_is_finished(self, tmp_path: Path, lost: str) -> None:
        ok(engage(tmp_path, "init", "--host", "locks.example.org"))
        if lost == "database":
            for path in (tmp_path / "data").iterdir():
                path.unlink()
            (tmp_path / "data" / ".init.begun").touch()  # without it, it was there before, and is lost
        else:
            with sqlite3.connect(tmp_path / "data" / "engage.db") as connection:
                connection.execute("DELETE FROM releases")
        if lost == "chain":
            for path in (tmp_path / "certs" / "main").iterdir():
                path.unlink()
            (tmp_path / "certs" / "main").rmdir()
        shown = ok(engage(tmp_path, "init", "--host", "locks.example.org"))
        assert "activated release 1" in shown
        assert ("built a chain" in shown) is (lost == "chain")
        assert ("added site" in shown) is (lost == "database")

    def test_a_fresh_key_can_be_taken_out_once_to_a_safe_place(self, tmp_path: Path) -> None:
        ok(engage(tmp_path, "init", "--host", "locks.example.org"))
        ok(engage(tmp_path, "site", "export-key", "main", "main.key"))
        told = json.loads(ok(engage(tmp_path, "release", "show", 1, "--json")))["hash"]
        assert ok(engage(tmp_path, "hash", "certs/main/partner_CA.der", "--site-key-file", "main.key")) == told + "\n"

    def test_killed_at_any_moment_it_goes_on(self, tmp_path: Path) -> None:
        for tenths in (3, 6, 9, 12, 15):
            process = subprocess.Popen(
                [ENGAGE, "init", "--host", "locks.example.org"],
                cwd=tmp_path,
                env=clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                process.wait(tenths / 10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        ok(engage(tmp_path, "init", "--host", "locks.example.org"))
        releases = json.loads(ok(engage(tmp_path, "release", "list", "--json")))
        assert [r["state"] for r in releases] == ["current"]

    def test_two_at_once(self, tmp_path: Path) -> None:
        both = [
            subprocess.Popen(
                [ENGAGE, "init", "--host", "locks.example.org"],
                cwd=tmp_path,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        ended = [(process.communicate(timeout=60), process.returncode) for process in both]
        assert 0 in {status for _, status in ended}, ended
        assert "Traceback" not in str(ended)
        ok(engage(tmp_path, "init"))
        assert len(json.loads(ok(engage(tmp_path, "release", "list", "--json")))) == 1

    def test_a_lost_key_encryption_key_is_not_replaced(self, installation: Path) -> None:
        (installation / "engage.kek").unlink()
        error(engage(installation, "init"), 2, "engage.kek is missing", "backup")
        assert not (installation / "engage.kek").exists()
        error(engage(installation, "site", "list"), 2, "engage.kek is missing")

    def test_another_key_encryption_key(self, installation: Path) -> None:
        other = base64.b64encode(bytes(32)).decode()
        error(engage(installation, "site", "list", ENGAGE_KEY_ENCRYPTION_KEY=other), 3, "another key-encryption key")
        error(engage(installation, "site", "list", ENGAGE_KEY_ENCRYPTION_KEY="x"), 2, "not a key-encryption key")

    def test_the_key_encryption_key_may_stand_in_the_environment(self, installation: Path) -> None:
        kek = (installation / "engage.kek").read_text().strip()
        (installation / "engage.kek").unlink()
        ok(engage(installation, "site", "list", ENGAGE_KEY_ENCRYPTION_KEY=kek))

    def test_sample_keys_are_for_demonstrations(self, tmp_path: Path) -> None:
        sample = bytes(range(1, 33)).hex().encode()
        arguments = ("init", "--host", "locks.example.org", "--site-key-file", "-")
        error(engage(tmp_path, *arguments, stdin=sample), 2, "public documents")
        ok(engage(tmp_path, *arguments, "--demo", stdin=sample))

    def test_a_newer_database(self, installation: Path) -> None:
        with sqlite3.connect(installation / "data" / "engage.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        for command in (("init",), ("site", "list"), serve_http()):
            error(engage(installation, *command), 3, "newer version (schema 9999)")

    def test_a_file_that_is_no_database(self, installation: Path) -> None:
        (installation / "data" / "engage.db").write_bytes(b"not a database at all" * 100)
        for command in (("init",), ("site", "list")):
            error(engage(installation, *command), 3, "not a database")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write: read-only by mode, and for root by a mount-free trick, a file in its place."""
    folder = tmp_path / "locked"
    folder.mkdir()
    if os.getuid() == 0:
        folder.rmdir()
        folder.write_text("in the way")
        yield folder
    else:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)


class TestChainBuild:
    """``engage chain build``."""

    def test_the_picture_and_the_figures(self, tmp_path: Path) -> None:
        shown = ok(engage(tmp_path, "chain", "build", "new", "--host", "locks.example.org", "--host", "10.0.0.1"))
        figures = [line.split() for line in shown.splitlines()]
        sizes = {words[0]: int(words[-2]) for words in figures if words and words[-1] == "sent"}
        assert sizes["server"] > 700
        assert "of 4096 that devices hold" in shown
        assert "RRRR" in shown
        assert "beside a link certificate of" in shown
        assert "not encrypted" in shown
        assert "next: " in shown.splitlines()[-1]
        assert "\x1b[" not in shown, "no colour where there is no terminal"

    def test_json(self, tmp_path: Path) -> None:
        done = json.loads(ok(engage(tmp_path, "chain", "build", "new", "--host", "a.example", "--json")))
        budget = done["budget"]
        sizes = {c["role"]: c["der_bytes"] for c in budget["certificates"]}
        assert sizes["root"] == (tmp_path / "new" / "partner_CA.der").stat().st_size
        assert sizes["intermediate"] == (tmp_path / "new" / "partner_intermediate.der").stat().st_size
        assert budget["total"] == sum(sizes.values()) == 4096 - budget["left"]

    def test_a_folder_that_holds_a_chain_is_refused(self, tmp_path: Path) -> None:
        ok(engage(tmp_path, "chain", "build", "new", "--host", "a.example"))
        before = {p: p.read_bytes() for p in (tmp_path / "new").iterdir()}
        error(engage(tmp_path, "chain", "build", "new", "--host", "a.example"), 2, "already contains a chain")
        assert before == {p: p.read_bytes() for p in (tmp_path / "new").iterdir()}
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "x").touch()
        error(engage(tmp_path, "chain", "build", "docs", "--host", "a.example"), 2, "other files")

    def test_over_4096_it_refuses_and_says_what_costs_how_much(self, tmp_path: Path) -> None:
        hosts = [t for n in range(60) for t in ("--host", f"door-{n:03}.building.example.org")]
        done = engage(tmp_path, "chain", "build", "new", *hosts, "--organization", "An Organization With A Long Name")
        error(done, 2, "devices hold 4096", "6 x O=An Organization", "1 x SAN door-000", "shorten or leave out")
        assert not (tmp_path / "new").exists()

    def test_authority_keys_are_encrypted_by_a_passphrase(self, tmp_path: Path) -> None:
        (tmp_path / "pass").write_text("open sesame\n")
        ok(engage(tmp_path, "chain", "build", "new", "--host", "a.example", "--passphrase-file", "pass"))
        for name, encrypted in (("CA", True), ("intermediate", True), ("server", False)):
            pem = (tmp_path / "new" / f"partner_{name}.key").read_text()
            assert ("ENCRYPTED" in pem) is encrypted
        opened = ["openssl", "rsa", "-in", "new/partner_CA.key", "-noout", "-passin", "pass:open sesame"]
        assert subprocess.run(opened, cwd=tmp_path, capture_output=True, check=False).returncode == 0
        opened[-1] = "pass:wrong"
        assert subprocess.run(opened, cwd=tmp_path, capture_output=True, check=False).returncode != 0

    def test_an_empty_passphrase(self, tmp_path: Path) -> None:
        (tmp_path / "pass").write_text("\n")
        done = engage(tmp_path, "chain", "build", "new", "--host", "a.example", "--passphrase-file", "pass")
        error(done, 2, "passphrase is empty")
        error(engage(tmp_path, "chain", "build", "new", "--host", "a.example", "--passphrase-file", "gone"), 3, "gone")

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            (("--host", "http://a"), "neither a DNS name"),
            (("--host", "*.a.example"), "neither a DNS name"),
            (("--host", "a" * 65 + ".x"), "neither a DNS name"),
            (("--host", "b" * 60 + ".example"), "a common name may have"),
            (("--host", "a.example", "--server-days", "9999"), "but its issuer only"),
            (("--host", "a.example", "--root-days", "0"), "--root-days"),
            (("--host", "a.example", "--organization", "o" * 65), "RFC 5280 allows 64"),
        ],
    )
    def test_bad_input(self, tmp_path: Path, options: tuple[str, ...], word: str) -> None:
        error(engage(tmp_path, "chain", "build", "new", *options), 2, word)
        assert list(tmp_path.iterdir()) == []

    def test_where_nothing_can_be_written(self, tmp_path: Path, read_only: Path) -> None:
        error(engage(tmp_path, "chain", "build", read_only / "new", "--host", "a.example"), 3, "locked")
        error(engage(tmp_path, "init", "--host", "a.example", ENGAGE_DATA_DIR=str(read_only / "d")), 3, "locked")

    def test_a_full_disk_loses_nothing(self, tmp_path: Path) -> None:
        """Every file is cut off by the kernel at a size that the keys do not fit into."""
        command = f"ulimit -f 1; exec {ENGAGE} chain build new --host a.example"
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
        )
        error(done, 3, "File too large")
        assert list(tmp_path.iterdir()) == []


class TestHash:
    """``engage hash``."""

    def test_it_prints_the_hash_alone(self, installation: Path) -> None:
        file = installation / "certs" / "main" / "partner_CA.der"
        done = engage(installation, "hash", file, "--site-key-file", "site.key")
        assert ok(done) == anchor_hash(SITE_KEY, file.read_bytes()) + "\n"
        assert done.stderr == ""
        for text in KEY_TEXTS:
            assert ok(engage(installation, "hash", file, "--site-key-file", "-", stdin=text.encode())) == done.stdout
            assert ok(engage(installation, "hash", file, ENGAGE_SITE_KEY=text)) == done.stdout

    def test_bad_input(self, installation: Path) -> None:
        certs = installation / "certs" / "main"
        good = ("--site-key-file", "site.key")
        error(engage(installation, "hash", certs / "partner_CA.pem", *good), 2, "it is PEM", "-outform DER")
        error(engage(installation, "hash", "site.key", *good), 2, "no certificate")
        error(engage(installation, "hash", "gone", *good), 3, "gone")
        error(engage(installation, "hash", certs / "partner_CA.der"), 2, "there is no site key")
        error(engage(installation, "hash", certs / "partner_CA.der", "--site-key-file", "gone"), 3, "gone")
        for text in (b"", b"x" * 44, b"y" * 64, KEY_TEXTS[0][:-1].encode(), b"\xff" * 32):
            done = engage(installation, "hash", certs / "partner_CA.der", ENGAGE_SITE_KEY=text.decode("latin-1"))
            error(done, 2, "site key")
        trailing = installation / "trailing.der"
        trailing.write_bytes((certs / "partner_CA.der").read_bytes() + b"\n")
        error(engage(installation, "hash", trailing, *good), 2, "no certificate")


class TestSitesAndReleases:
    """``engage site``, ``engage device`` and ``engage release``."""

    def test_sites(self, installation: Path) -> None:
        other = base64.b64encode(OTHER_SITE_KEY.reveal())
        add = ("site", "add", "north", "--host", "north.example", "--site-key-file", "-")
        shown = ok(
            engage(installation, *add, "--anchor", "intermediate", "--device-network", "10.0.0.0/8", stdin=other)
        )
        assert f"chain build {installation}/certs/north --host north.example" in shown
        sites = json.loads(ok(engage(installation, "site", "list", "--json")))
        assert [(s["name"], s["default"], s["current_release"]) for s in sites] == [
            ("main", True, 1),
            ("north", False, None),
        ]
        assert "north.example" in ok(engage(installation, "site", "list"))
        one = json.loads(ok(engage(installation, "site", "show", "north", "--json")))
        assert one["anchor"] == "intermediate"
        assert one["device_networks"] == ["10.0.0.0/8"]
        assert "sealed" in ok(engage(installation, "site", "show", "north"))
        ok(engage(installation, "site", "default", "north"))
        error(engage(installation, *add, stdin=other), 2, "a site 'north' already")
        error(engage(installation, "site", "show", "x"), 2, "no site 'x'", "main, north")
        again = ("site", "add", "south", "--host", "north.example", "--site-key-file", "-")
        error(engage(installation, *again, stdin=other), 2, "belongs to site 'north'")
        refused(engage(installation, *add, "--device-network", "10.0.0.1/8", stdin=other), 2, "10.0.0.1/8")

    def test_releases(self, installation: Path) -> None:
        ok(engage(installation, "chain", "build", "certs/two", "--host", "locks.example.org"))
        done = engage(installation, "release", "stage", "certs/two")
        assert done.returncode == 1, "hosts of the site are missing"
        assert "error [san.host_missing]" in done.stdout
        assert "staged release 2" in done.stdout
        error(engage(installation, "release", "activate", 2), 1, "san.host_missing", "--override")
        reasons = "san.host_missing=devices call by name alone"
        assert "release 2 of main is current" in ok(
            engage(installation, "release", "activate", 2, "--override", reasons)
        )
        listed = json.loads(ok(engage(installation, "release", "list", "--json")))
        assert [(r["number"], r["state"]) for r in listed] == [(1, "retired"), (2, "current")]
        assert "current" in ok(engage(installation, "release", "list"))
        shown = json.loads(ok(engage(installation, "release", "show", 2, "--json")))
        assert {f["code"] for f in shown["findings"]} == {"san.host_missing"}
        assert "of 4096" in ok(engage(installation, "release", "show", 2))
        error(engage(installation, "release", "show", 9), 2, "no release 9")
        error(engage(installation, "release", "activate", 9), 2, "no release 9")
        error(engage(installation, "release", "activate", 1, "--override", "x"), 2, "has no reason")
        error(engage(installation, "release", "stage", "certs/two"), 2, "is already release 2 of main")
        error(engage(installation, "release", "stage", "certs/none"), 3, "no such file or folder")
        error(engage(installation, "release", "stage", "certs/two", "--site", "x"), 2, "no site 'x'")

    def test_stage_takes_what_check_takes(self, installation: Path) -> None:
        """One chain in five containers: the same release, by its certificates, and the key is sealed."""
        built = installation / "certs" / "main"
        hosts = [t for h in ("locks.example.org", "10.44.68.128", "localhost", "127.0.0.1") for t in ("--host", h)]
        texts = {name: (built / name).read_bytes() for name in ("partner_server.pem", "partner_server.key")}
        (installation / "fullchain.pem").write_bytes(texts["partner_server.pem"])
        (installation / "privkey.pem").write_bytes(texts["partner_server.key"])
        (installation / "root.pem").write_bytes((built / "partner_CA.pem").read_bytes())
        (installation / "whole.pem").write_bytes(b"".join(texts.values()) + (built / "partner_CA.pem").read_bytes())
        (installation / "passphrase").write_text("sesame\n")
        (installation / "acme").mkdir()
        for name in ("fullchain.pem", "privkey.pem", "root.pem"):
            (installation / "acme" / name).write_bytes((installation / name).read_bytes())
        export = ("openssl", "pkcs12", "-export", "-in", "whole.pem", "-inkey", "privkey.pem", "-out", "x.pfx")
        subprocess.run([*export, "-passout", "file:passphrase"], cwd=installation, check=True, capture_output=True)
        files = ("fullchain.pem", "privkey.pem", "root.pem")
        for targets in (files, ("acme",), ("whole.pem",), ("x.pfx", "--passphrase-file", "passphrase")):
            error(engage(installation, "release", "stage", *targets), 2, "is already release 1 of main")
            if len(targets) != 3 or "x.pfx" in targets:
                step = ok(engage(installation, "chain", "check", *targets, *hosts)).splitlines()[-1]
                assert step.startswith("next: ")
                assert f"release stage {targets[0]}" in step
        error(engage(installation, "release", "stage", "x.pfx"), 3, "passphrase.missing")
        error(
            engage(installation, "release", "stage", *files[:2]), 2, "is missing: ENGAGE Root", "accepts several files"
        )
        error(engage(installation, "release", "stage", "whole.pem", "acme/privkey.pem", "--site", "x"), 2, "no site")
        assert "PRIVATE" not in (installation / "data" / "engage.db").read_bytes().decode("latin-1")

    def test_a_key_that_does_not_fit(self, installation: Path) -> None:
        hosts = [t for h in ("locks.example.org", "10.44.68.128", "localhost", "127.0.0.1") for t in ("--host", h)]
        ok(engage(installation, "chain", "build", "certs/two", *hosts))
        wrong = (installation / "certs" / "main" / "partner_server.key").read_bytes()
        (installation / "certs" / "two" / "partner_server.key").write_bytes(wrong)
        error(engage(installation, "release", "stage", "certs/two"), 1, "private key does not belong")
        assert len(json.loads(ok(engage(installation, "release", "list", "--json")))) == 1

    def test_devices(self, installation: Path) -> None:
        serial = "0000000000000000A0B1000000000206"
        ok(engage(installation, "device", "add", serial, "--site", "main"))
        listed = json.loads(ok(engage(installation, "device", "list", "--json")))
        assert [(d["serial"], d["site"]) for d in listed] == [(serial, "main")]
        assert serial in ok(engage(installation, "device", "list", "--site", "main"))
        error(engage(installation, "device", "add", "12", "--site", "main"), 2, "not a serial number")

    def test_without_an_installation(self, tmp_path: Path) -> None:
        for command in (("site", "list"), ("release", "list"), serve_http(), ("lock", "fetch", "http://127.0.0.1")):
            error(engage(tmp_path, *command), 3, "no installation here", "engage init")
        assert list(tmp_path.iterdir()) == []

    def test_settings(self, installation: Path) -> None:
        assert json.loads(ok(engage(installation, "settings", "--json", ENGAGE_WORKERS="5")))["workers"] == "5"
        assert "http_port" in ok(engage(installation, "settings"))
        error(engage(installation, "serve", ENGAGE_HTTP_PROT="1"), 2, "ENGAGE_HTTP_PROT", "http_port")
        error(engage(installation, "serve", "--http-port", "0"), 2, "http_port")
        error(engage(installation, "--config", "gone.toml", "serve"), 2, "gone.toml")
        error(engage(installation, "serve", "--bind", "nowhere", "--http-port", 8080), 2, "not an IP address")
        error(engage(installation, "serve", "--bind", "192.0.2.200", "--http-port", 8080), 2, "not an address of this")

    def test_wrong_usage(self, installation: Path) -> None:
        for command in (("nothing",), ("release", "activate", "x"), ("chain", "build", "x"), ("serve", "ftp")):
            refused(engage(installation, *command), 2)


class TestLockFetch:
    """``engage lock fetch`` against the pair, and against hosts that a device would refuse."""

    def test_every_step(self, shared_pair: RunningPair) -> None:
        port = ("--https-port", shared_pair.https_port)
        done = engage(shared_pair.folder, "lock", "fetch", shared_pair.http, *port, "--site-key-file", "site.key")
        steps = [line.split()[:2] for line in ok(done).splitlines()[:-1]]
        assert steps == [[name, "ok"] for name in ("notice", "download", "hash", "anchor", "tls", "request")]
        assert "next:" not in done.stdout, "there is nothing to do"
        by_own_key = engage(shared_pair.folder, "lock", "fetch", shared_pair.http, *port, "--json")
        assert json.loads(ok(by_own_key))["accepted"] is True
        serial = ("--serial", "0000000000000000A0B1000000000206")
        ok(engage(shared_pair.folder, "lock", "fetch", f"http://localhost:{shared_pair.http_port}", *port, *serial))

    def test_its_nights(self, shared_pair: RunningPair, tmp_path: Path) -> None:
        state = tmp_path / "door.json"
        call = (shared_pair.http, "--https-port", shared_pair.https_port, "--state", state)
        for expected in (["notice", "download", "hash", "anchor", "tls", "request"], ["tls", "request"]):
            lines = ok(engage(shared_pair.folder, "lock", "fetch", *call)).splitlines()[:-1]
            assert [line.split()[0] for line in lines] == expected
        assert json.loads(state.read_text())["calls"] == 2
        manual = engage(shared_pair.folder, "lock", "fetch", *call, "--trigger", "manual-update", "--json")
        assert json.loads(ok(manual))["steps"][0]["name"] == "notice"
        state.write_text("{}")
        refused(engage(shared_pair.folder, "lock", "fetch", *call), 2, "is not a state file of a virtual lock")
        refused(engage(shared_pair.folder, "lock", "fetch", *call, "--try-all"), 2, "--try-all is for new devices")

    def test_a_call_in_that_nobody_answers(self, shared_pair: RunningPair) -> None:
        call = (shared_pair.http, "--https-port", shared_pair.https_port, "--call-in")
        done = engage(shared_pair.folder, "lock", "fetch", *call)
        assert done.returncode == 1
        refusals = [line.split()[0] for line in done.stdout.splitlines() if " refused " in line]
        assert refusals == ["config", "database", "audit", "alert"]
        assert done.stdout.count("the host answered 404 Not Found") == 4

    def test_no_kind_of_device_is_lost(self, shared_pair: RunningPair) -> None:
        call = (shared_pair.http, "--https-port", shared_pair.https_port, "--try-all")
        found = json.loads(ok(engage(shared_pair.folder, "lock", "fetch", *call, "--json")))
        assert found == {"tried": 128, "kept": 128, "lost": []}
        late = engage(
            shared_pair.folder, "lock", "fetch", *call, "--tls", "1.2", "--ciphers", "AES128-SHA", "--no-dates"
        )
        assert "128 of 128 kinds of device come through" in ok(late)

    def test_conformance(self, shared_pair: RunningPair, tmp_path: Path) -> None:
        call = ("lock", "conformance", shared_pair.http, "--https-port", shared_pair.https_port)
        table = ok(engage(shared_pair.folder, *call)).splitlines()
        assert {line.split()[0] for line in table[:-1]} == {"pass"}
        assert table[-1] == f"All {len(table) - 1} rows pass; nothing to do."
        report = json.loads(ok(engage(shared_pair.folder, *call, "--format", "json")))
        assert report["failed"] == 0
        assert len(report["rows"]) == len(table) - 1
        ok(engage(shared_pair.folder, *call, "--format", "junit", "--output", tmp_path / "host.xml"))
        assert 'failures="0"' in (tmp_path / "host.xml").read_text()
        key = base64.b64encode(OTHER_SITE_KEY.reveal())
        done = engage(shared_pair.folder, *call, "--site-key-file", "-", stdin=key)
        assert done.returncode == 1
        assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAIL")] == ["der.hash"]

    def test_a_fleet(self, shared_pair: RunningPair) -> None:
        call = ("lock", "fleet", shared_pair.http, "--https-port", shared_pair.https_port, "--over", 1, "--nights", 2)
        report = json.loads(ok(engage(shared_pair.folder, *call, "--count", 40, "--json")))
        assert (report["calls"], report["well"], report["anchors_taken"]) == (80, 80, 40)
        assert "80 calls in 2 nights: 80 succeeded, 0 lost" in ok(engage(shared_pair.folder, *call, "--count", 40))
        key = base64.b64encode(OTHER_SITE_KEY.reveal())
        done = engage(shared_pair.folder, *call, "--count", 4, "--site-key-file", "-", stdin=key)
        assert done.returncode == 1
        assert "lost  8 calls: hash: " in done.stdout
        nobody = engage(shared_pair.folder, "lock", "fleet", "http://127.0.0.1:1", "--count", 3, "--over", 0)
        assert nobody.returncode == 3
        assert "unreachable: http://127.0.0.1:1: Connection refused" in nobody.stdout

    def test_a_fleet_shows_how_far_it_is(self, shared_pair: RunningPair) -> None:
        call = ("lock", "fleet", shared_pair.http, "--https-port", shared_pair.https_port, "--over", 1, "--count", 20)
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "engage_server", *map(str, call)]
        subprocess.run(command, cwd=shared_pair.folder, stdout=subprocess.PIPE, stderr=theirs, check=True)
        os.close(theirs)
        shown = os.read(ours, 1 << 16)
        os.close(ours)
        assert b"20 succeeded, 0 lost" in shown

    def test_a_fleet_asks_before_it_calls_another_machine(self, shared_pair: RunningPair) -> None:
        done = engage(shared_pair.folder, "lock", "fleet", "http://192.0.2.7", "--count", 1)
        refused(done, 2, "192.0.2.7 is another machine")
        refused(engage(shared_pair.folder, "lock", "fleet", shared_pair.http, "--count", 100_001), 2)

    def test_misbehaving(self, shared_pair: RunningPair) -> None:
        call = ("lock", "misbehave", shared_pair.http, "--https-port", shared_pair.https_port, "--seconds", 2)
        report = json.loads(ok(engage(shared_pair.folder, *call, "--count", 2, "--json")))
        assert report["served_meanwhile"] is True
        outcomes = report["outcomes"]
        for way in ("stall", "half-request", "slow", "silent"):
            assert outcomes[way] == {"still open": 2}, "longer patience than two seconds"
        assert outcomes["vanish"] == {"gone": 2}
        assert outcomes["wrong-key"] == {"stopped at the hash": 2}
        assert outcomes["repeat"] == {"answered 100 times": 2}
        assert sum(outcomes["garbage-serial"].values()) == 2
        assert set(outcomes["garbage-serial"]) <= {"answered 200", "answered 400"}
        refused(engage(shared_pair.folder, "lock", "misbehave", "http://192.0.2.7"), 2, "192.0.2.7 is another machine")
        done = engage(shared_pair.folder, "lock", "misbehave", "http://127.0.0.1:1", "--how", "silent", "--count", 1)
        assert done.returncode == 1
        assert "no connection" in done.stdout

    def test_a_profile_of_ones_own(self, shared_pair: RunningPair, tmp_path: Path) -> None:
        (tmp_path / "tiny.toml").write_text('name = "tiny"\nchain_der_bytes = 2000\n')
        call = (shared_pair.http, "--https-port", shared_pair.https_port, "--profile", tmp_path / "tiny.toml", "--json")
        done = engage(shared_pair.folder, "lock", "fetch", *call)
        assert done.returncode == 1
        assert "devices accept at most 2000" in json.loads(done.stdout)["steps"][-1]["sentence"]

    @pytest.mark.parametrize("tls", ["1.4", "1.3-1.2", "x", "1.2-"])
    def test_no_range_of_tls_versions(self, tls: str, shared_pair: RunningPair) -> None:
        done = engage(shared_pair.folder, "lock", "fetch", shared_pair.http, "--tls", tls)
        assert (done.returncode == 2) is (tls != "1.2-")

    def test_a_wrong_site_key_ends_at_the_hash(self, shared_pair: RunningPair) -> None:
        port = ("--https-port", shared_pair.https_port, "--site-key-file", "-", "--json")
        key = base64.b64encode(OTHER_SITE_KEY.reveal())
        done = engage(shared_pair.folder, "lock", "fetch", shared_pair.http, *port, stdin=key)
        assert done.returncode == 1
        last = json.loads(done.stdout)["steps"][-1]
        assert (last["name"], last["ok"]) == ("hash", False)

    def test_a_wrong_host_name_ends_at_tls(self, shared_pair: RunningPair) -> None:
        port = ("--https-port", shared_pair.https_port, "--json")
        done = engage(shared_pair.folder, "lock", "fetch", f"http://127.0.0.2:{shared_pair.http_port}", *port)
        assert done.returncode == 3, "nobody listens there"
        refused(engage(shared_pair.folder, "lock", "fetch", "https://127.0.0.1"), 2, "not the address of a host")
        refused(engage(shared_pair.folder, "lock", "fetch", "http://h/x"), 2, "without a path")
        refused(engage(shared_pair.folder, "lock", "fetch", "http://h:99999"), 2, "not the address of a host")

    def test_nobody_there(self, shared_pair: RunningPair) -> None:
        error(engage(shared_pair.folder, "lock", "fetch", "http://127.0.0.1:1"), 3, "Connection refused")
        done = engage(shared_pair.folder, "lock", "fetch", shared_pair.http, "--https-port", 1)
        error(done, 3, "https://127.0.0.1:1")


def test_no_command_takes_a_secret_as_an_argument() -> None:
    from tests.project.documentation import commands

    options = {option for _, command in commands() for param in command.params for option in param.opts}
    of_secrets = {option for option in options if "key" in option or "pass" in option}
    files = {"--site-key-file", "--passphrase-file", "--password-file", "--new-key-file", "--links-key-file"}
    # --destroy-site-key takes a site's name, --key of "telekom sign" the name of a file, the last one a program's words
    assert of_secrets == {*files, "--destroy-site-key", "--key", "--new-key-command"}


def test_the_log_of_the_servers_shows_no_secret(shared_pair: RunningPair) -> None:
    secret = Secret(b"topsecret-authorization")
    request = b"GET /swordfish/lock/certificates/current?serialNumber=x&token=topsecret-query HTTP/1.1\r\nHost: x\r\n"
    request += b"Authorization: Device " + secret.reveal() + b"\r\nConnection: close\r\n\r\n"
    assert shared_pair.raw_http(request).startswith(b"HTTP/1.1 200 OK")
    shared_pair.raw_http(b"GET /the-next-one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    eventually(lambda: "/the-next-one" in shared_pair.log, "all lines up to here are written")
    log = shared_pair.log
    assert '"path":"/swordfish/lock/certificates/current"' in log
    assert "topsecret" not in log
    assert not any(text in log for text in KEY_TEXTS)
    assert "PRIVATE" not in log


def test_no_request_can_write_a_log_line_of_its_own(shared_pair: RunningPair) -> None:
    shared_pair.raw_http(b"GET /x%0d%0aforged%1b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    eventually(lambda: '"path":"/x%0d%0aforged%1b[31m"' in shared_pair.log, "it stands there as it came")
    assert "\x1b" not in shared_pair.log
    assert not [line for line in shared_pair.log.splitlines() if line.startswith("forged")]


@pytest.mark.parametrize(
    ("environment", "has_colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
@pytest.mark.parametrize("command", ["chain check certs/main", "chain check absent.pem", "status", "hash absent.der"])
def test_colours_on_a_terminal_as_it_is_asked_for(
    installation: Path, command: str, environment: dict[str, str], has_colour: bool
) -> None:
    """A picture for each command: in colour on a terminal, and never where somebody asked for none."""
    done = subprocess.run(
        ["script", "-qec", f"{ENGAGE} {command}", "/dev/null"],
        cwd=installation,
        env=clean_environment() | {"TERM": "xterm"} | environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (b"\x1b[" in done.stdout) is has_colour, done.stdout
