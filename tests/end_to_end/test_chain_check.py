"""``engage chain check`` on every kind of target, and what its exit status says."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs7, pkcs12

from engage_server.pki import encodings, keys
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY, good_chain, key
from tests.support.defects import case_of, intermediate_says_no_ca, negative_serial, outlives_its_issuer
from tests.support.refusals import error, refused
from tests.support.running import RunningPair, engage, ok

AT = ("--at", NOW.isoformat())
BUILT = good_chain()
CHAIN = [BUILT.chain.server, *BUILT.chain.intermediates, BUILT.chain.root]


def check(folder: Path, *arguments: object, status: int = 0, **environment: str) -> list[dict[str, Any]]:
    """The targets of a JSON report, from a command that must have ended with this status."""
    done = engage(folder, "chain", "check", *arguments, "--format", "json", *AT, stdin=None, **environment)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets


def codes(target: dict[str, Any]) -> set[str]:
    """The codes of a target's findings."""
    return {finding["code"] for finding in target["findings"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same chain in every container."""
    pem = encodings.pem(CHAIN)
    (tmp_path / "chain.pem").write_bytes(pem)
    (tmp_path / "reversed.pem").write_bytes(encodings.pem(reversed(CHAIN)))
    (tmp_path / "dump.crt").write_bytes(b"Certificate:\n    Data:\n" * 200 + pem + b"trailing text\n")
    (tmp_path / "crlf.pem").write_bytes(pem.replace(b"\n", b"\r\n"))
    (tmp_path / "with-key.pem").write_bytes(keys.private_key_pem(BUILT.server_key).reveal() + pem)
    (tmp_path / "chain.p7b").write_bytes(pkcs7.serialize_certificates(CHAIN, Encoding.DER))
    (tmp_path / "chain-pem.p7b").write_bytes(pkcs7.serialize_certificates(CHAIN, Encoding.PEM))
    for name, encryption in (("open.p12", None), ("sealed.p12", BestAvailableEncryption(b"sesame"))):
        from cryptography.hazmat.primitives.serialization import NoEncryption

        content = pkcs12.serialize_key_and_certificates(
            b"x", BUILT.server_key, CHAIN[0], CHAIN[1:], encryption or NoEncryption()
        )
        (tmp_path / name).write_bytes(content)
    (tmp_path / "passphrase").write_text("sesame\n")
    return tmp_path


FILES = ("chain.pem", "dump.crt", "crlf.pem", "with-key.pem", "chain.p7b", "chain-pem.p7b", "open.p12")


def test_every_container_gives_the_same_verdict(folder: Path) -> None:
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    targets = check(folder, *FILES, "sealed.p12", "--passphrase-file", "passphrase", *hosts)
    assert [target["target"] for target in targets] == [*FILES, "sealed.p12"]
    for target in targets:
        assert target["fine"], target
        assert target["findings"] == []
        assert [c["role"] for c in target["certificates"]] == ["root", "intermediate", "server"]


def test_a_der_file_is_one_certificate(folder: Path) -> None:
    (folder / "leaf.der").write_bytes(encodings.der(CHAIN[0]))
    (target,) = check(folder, "leaf.der", status=1)
    assert codes(target) == {"path.incomplete"}
    (folder / "root.der").write_bytes(encodings.der(CHAIN[2]))
    (folder / "two.pem").write_bytes(encodings.pem(CHAIN[:2]))
    (target,) = check(folder, "two.pem", "--anchor", "root.der")
    assert target["fine"]
    (folder / "other.der").write_bytes(encodings.der(good_chain("other").chain.root))
    (target,) = check(folder, "chain.pem", "--anchor", "other.der", status=1)
    assert codes(target) == {"anchor.not_in_path"}


def test_a_foreign_key_beside_the_chain(folder: Path) -> None:
    (folder / "with-key.pem").write_bytes(keys.private_key_pem(key(0)).reveal() + encodings.pem(CHAIN))
    (target,) = check(folder, "with-key.pem", status=1)
    assert codes(target) == {"key.mismatch"}


def test_folders(folder: Path, tmp_path: Path) -> None:
    for name in (*FILES[1:], "sealed.p12"):
        (folder / name).unlink()
    ok(engage(folder, "chain", "build", "below/built", "--host", "locks.example.org"))
    targets = check(folder, ".", status=1)
    assert [target["target"] for target in targets] == ["below/built", "chain.pem", "reversed.pem"]
    assert [codes(target) for target in targets] == [set(), set(), {"sent.order"}]
    (folder / "below" / "built" / "partner_server.pem").write_bytes(
        (folder / "below" / "built" / "partner_server.pem").read_bytes().split(b"-----END CERTIFICATE-----\n")[0]
        + b"-----END CERTIFICATE-----\n"
    )
    (target,) = check(folder, "below/built", status=1)
    assert codes(target) == {"sent.incomplete"}, "the vendor's leaf alone"


def test_single_certificate_files_in_a_folder_are_one_chain(tmp_path: Path) -> None:
    for number, certificate in enumerate(CHAIN):
        (tmp_path / f"{number}.crt").write_bytes(encodings.pem([certificate]))
    (target,) = check(tmp_path, ".")
    assert target["fine"]


def test_links_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "chain.pem").write_bytes(encodings.pem(CHAIN))
    (tmp_path / "all" / "round").symlink_to(tmp_path / "all")
    (tmp_path / "all" / ".venv").mkdir()
    (tmp_path / "all" / ".venv" / "bad.pem").write_bytes(b"bad")
    assert [target["target"] for target in check(tmp_path, "all")] == ["all/chain.pem"]
    (tmp_path / "empty").mkdir()
    (nothing,) = check(tmp_path, "empty", status=3)
    assert codes(nothing) == {"content.no_certificate"}


def test_a_heap_of_certificates_is_no_chain(tmp_path: Path) -> None:
    (tmp_path / "heap.pem").write_bytes(encodings.pem(CHAIN) * 11)
    (target,) = check(tmp_path, "heap.pem", status=3)
    assert codes(target) == {"certificate.invalid"}
    assert "33 certificates" in target["findings"][0]["sentence"]


def test_exit_statuses(folder: Path) -> None:
    for name, function in (("warned.pem", outlives_its_issuer), ("bad.pem", intermediate_says_no_ca)):
        (folder / name).write_bytes(encodings.pem(case_of(function).path))
    check(folder, "chain.pem", status=0)
    check(folder, "warned.pem", status=0)
    check(folder, "warned.pem", "--strict", status=1)
    check(folder, "bad.pem", status=1)
    targets = check(folder, "chain.pem", "bad.pem", "warned.pem", status=1)
    assert [target["fine"] for target in targets] == [True, False, True], "all are told, not only the first"
    check(folder, "chain.pem", "gone.pem", status=3)
    check(folder, "chain.pem", "--warn-days", "9999", "--strict", status=1)
    error(engage(folder, "chain", "check", "chain.pem", "--profile", "nobody"), 2, "no profile 'nobody'", "mt20w")
    error(engage(folder, "chain", "check", "chain.pem", "--anchor", "chain.pem"), 2, "holds 3 certificates")
    refused(engage(folder, "chain", "check", "chain.pem", "--at", "yesterday"), 2, "is no time")
    refused(engage(folder, "chain", "check"), 2)


def test_time_is_judged_as_told(folder: Path) -> None:
    for time, wanted in (("2020-01-01", "validity.not_yet"), ("2090-01-01T00:00:00+02:00", "validity.expired")):
        done = engage(folder, "chain", "check", "chain.pem", "--format", "json", "--at", time)
        assert wanted in codes(json.loads(done.stdout)["targets"][0])


def test_profiles_of_ones_own(folder: Path) -> None:
    (folder / "tiny.toml").write_text('name = "tiny"\nchain_der_bytes = 2000\n')
    (target,) = check(folder, "chain.pem", "--profile", "tiny.toml", status=1)
    assert codes(target) == {"chain.too_long"}
    for name in ("nde", "le", "mt20w", "gateway", "any"):
        check(folder, "chain.pem", "--profile", name)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"-----BEGIN CERTIFICATE-----\n", b"\x30\x82" + b"x" * 900])
def test_garbage_is_told_and_nothing_else_happens(folder: Path, content: bytes) -> None:
    (folder / "garbage.pem").write_bytes(content)
    targets = check(folder, "garbage.pem", "chain.pem", status=3)
    assert codes(targets[0]) in ({"content.empty"}, {"content.cut_off"}, {"content.no_certificate"})
    assert targets[1]["fine"]


def test_an_odd_serial_number_is_a_finding_and_not_a_warning_of_some_library(tmp_path: Path) -> None:
    (tmp_path / "odd.pem").write_bytes(encodings.pem(case_of(negative_serial).path))
    done = engage(tmp_path, "chain", "check", "odd.pem", *AT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "encoding.serial" in done.stdout


def test_many_chains_show_progress_on_a_terminal_and_nowhere_else(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    for number in range(120):
        (many / f"{number}.pem").hardlink_to(folder / "chain.pem")
    command = [sys.executable, "-m", "engage_server", "chain", "check", "many", "--format", "json"]
    ours, theirs = pty.openpty()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    assert b"100 chains checked ..." in os.read(ours, 4096)
    os.close(ours)
    assert len(json.loads(done.stdout)["targets"]) == 120
    assert subprocess.run(command, cwd=folder, capture_output=True, check=True).stderr == b""


@pytest.mark.parametrize("columns", ["80", "60"])
def test_findings_wrap_on_a_terminal_and_nowhere_else(columns: str, folder: Path) -> None:
    bad = Path(__file__).parents[2] / "docs" / "examples" / "bad.pem"
    command = [sys.executable, "-m", "engage_server", "chain", "check", str(bad), *AT]
    environment = {**os.environ, "COLUMNS": columns, "NO_COLOR": "1"}
    ours, theirs = pty.openpty()
    assert subprocess.run(command, cwd=folder, stdout=theirs, env=environment, check=False).returncode == 1
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    findings = [line for line in shown.splitlines() if line.startswith(("  error", "      "))]
    assert len(findings) > 8
    assert max(map(len, findings)) <= int(columns)
    piped = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False).stdout
    assert re.search(r"^  error \[path.issuer_not_ca\] .*do not say CA:TRUE$", piped, re.MULTILINE)


def test_output_goes_to_a_file_whole(folder: Path) -> None:
    for form in ("text", "json", "junit", "sarif", "github"):
        done = engage(folder, "chain", "check", "chain.pem", "--format", form, "--output", "report", *AT)
        assert ok(done) == ""
        printed = ok(engage(folder, "chain", "check", "chain.pem", "--format", form, *AT))
        assert (folder / "report").read_text() == printed
        assert "\x1b" not in printed
    error(engage(folder, "chain", "check", "chain.pem", "--output", "no/where"), 3, "no/where")


def _intermediates_missing(folder: Path) -> str:
    """An anchor that the chain of the host does not reach."""
    (folder / "elsewhere.der").write_bytes(encodings.der(good_chain("elsewhere").chain.root))
    return "elsewhere.der"


def test_a_live_host(shared_pair: RunningPair) -> None:
    url, http = shared_pair.https, ("--http-port", shared_pair.http_port)
    (target,) = check(shared_pair.folder, url, status=1)
    by_address = {"sent.message", "server.common_name"}  # the common name is the site's first host
    assert codes(target) == by_address | {"path.incomplete"}, "the root is not sent: name it, or give the site key"
    (mend,) = [each["mend"] for each in target["findings"] if each["code"] == "path.incomplete"]
    assert "--anchor FILE" in mend
    assert "Add" not in mend, "whoever sends the root does what sent.root warns of"
    (target,) = check(shared_pair.folder, url, "--anchor", _intermediates_missing(shared_pair.folder), status=1)
    (mend,) = [each["mend"] for each in target["findings"] if each["code"] == "path.incomplete"]
    assert "Let the server send every intermediate" in mend
    root = shared_pair.folder / "certs" / "main" / "partner_CA.pem"
    (target,) = check(shared_pair.folder, url, "--anchor", root)
    assert codes(target) == by_address
    (target,) = check(shared_pair.folder, url, *http, "--site-key-file", "site.key")
    assert codes(target) == by_address
    (target,) = check(shared_pair.folder, url, *http, ENGAGE_SITE_KEY=OTHER_SITE_KEY.reveal().hex(), status=1)
    assert codes(target) == by_address | {"path.incomplete", "notice.refused"}
    (target,) = check(shared_pair.folder, url, "--anchor", root, "--host", "doors.example.org", status=1)
    assert "san.host_missing" in codes(target)
    (target,) = check(shared_pair.folder, f"localhost:{shared_pair.https_port}", "--anchor", root)
    assert codes(target) == by_address
    (target,) = check(shared_pair.folder, "https://127.0.0.1:1", status=3)
    assert "Connection refused" in target["findings"][0]["sentence"]


def test_the_size_of_the_certificate_message_is_what_openssl_sees(shared_pair: RunningPair) -> None:
    (target,) = check(shared_pair.folder, shared_pair.https, status=1)
    (told,) = [f["sentence"] for f in target["findings"] if f["code"] == "sent.message"]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{shared_pair.https_port}", "-tls1_3", "-msg"]
    shown = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout.decode()
    (line,) = [line for line in shown.splitlines() if "Handshake [length" in line and line.endswith(", Certificate")]
    assert f"has {int(line.partition('length ')[2][:4], 16)} bytes" in told


def test_it_needs_neither_flask_nor_a_database(folder: Path) -> None:
    program = (
        "import sys\nfrom engage_server.cli import _status\n"
        "status = _status(['chain', 'check', 'chain.pem', '--format', 'json', '--at', '" + NOW.isoformat() + "'])\n"
        "heavy = {'flask', 'sqlalchemy', 'gunicorn', 'pydantic', 'OpenSSL'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else status)"
    )
    python = shutil.which("python", path=str(Path(sys.executable).parent))
    done = subprocess.run([str(python), "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_show_tells_what_stands_in_a_chain_and_no_key(folder: Path) -> None:
    shown = ok(engage(folder, "chain", "show", "with-key.pem"))
    for word in (
        "CN=ENGAGE Root",
        "RSA 2048",
        "RSA with SHA256",
        "locks.example.org",
        "CA:TRUE, path length 0 (critical)",
        "itself",
    ):
        assert word in shown
    assert "PRIVATE" not in shown
    (target,) = json.loads(
        ok(engage(folder, "chain", "show", "sealed.p12", "--passphrase-file", "passphrase", "--json"))
    )
    assert [c["der_bytes"] for c in target["certificates"]] == [len(encodings.der(c)) for c in reversed(CHAIN)]
    assert target["certificates"][2]["names"] == [host.text for host in HOSTS]
    assert target["unrelated"] == []
    error(engage(folder, "chain", "show", "gone"), 3, "no such file")
    error(engage(folder, "chain", "show", "passphrase"), 3, "no certificate")
