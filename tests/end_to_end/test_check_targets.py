"""``engage chain check`` and files as people have them: every container, every cause, standard input, keys beside."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engage_server.pki import encodings, keys
from tests.support.chains import HOSTS, NOW, good_chain, key
from tests.support.checkout import ROOT
from tests.support.commands import engage, ok
from tests.support.containers import CHAIN, KEY, LOCKED_KEY, ODD, PASSPHRASE, PEM, UNREADABLE, WHOLE, pfx
from tests.support.containers import ROOT as ROOT_CERTIFICATE
from tests.support.refusals import error

AT = ("--at", NOW.isoformat())
NAMES = [text for host in HOSTS for text in ("--host", host.text)]
SCHEMA = json.loads((ROOT / "docs" / "chain-check.schema.json").read_text())


def check(folder: Path, *arguments: object, status: int = 0, stdin: bytes | None = None) -> list[dict[str, Any]]:
    """The targets of a JSON report that keeps to its schema, from a command that says nothing beside it."""
    done = engage(folder, "chain", "check", *arguments, "--format", "json", *AT, stdin=stdin)
    assert (done.returncode, done.stderr) == (status, ""), done.stdout + done.stderr
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    found: list[dict[str, Any]] = report["targets"]
    return found


def codes(target: dict[str, Any]) -> list[str]:
    """The codes of a target's findings."""
    return [finding["code"] for finding in target["findings"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Chain and keys under several names."""
    files = {
        "chain.pem": PEM,
        "fullchain.pem": encodings.pem(CHAIN[:2]),
        "privkey.pem": KEY,
        "locked.pem": LOCKED_KEY,
        "foreign.pem": keys.private_key_pem(key(0)).reveal(),
        "root.pem": encodings.pem([ROOT_CERTIFICATE]),
        "right": PASSPHRASE + b"\n",
        "wrong": b"guess\n",
        "request.pem": UNREADABLE["request.pem"][0](),
        "crl.pem": UNREADABLE["crl.pem"][0](),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_all_containers_in_one_run(tmp_path: Path) -> None:
    for name, make in WHOLE.items():
        (tmp_path / name).write_bytes(make())
    targets = check(tmp_path, *WHOLE, *NAMES)
    assert {target["target"]: codes(target) for target in targets} == {name: [] for name in WHOLE}


def test_what_others_cannot_load_is_a_warning(tmp_path: Path) -> None:
    for name, (make, _) in ODD.items():
        (tmp_path / name).write_bytes(make())
    targets = check(tmp_path, *ODD, *NAMES)
    assert {target["target"]: codes(target) for target in targets} == {name: [code] for name, (_, code) in ODD.items()}
    assert {finding["severity"] for target in targets for finding in target["findings"]} == {"warning"}


def test_every_unreadable_target_ends_with_3_and_none_of_them_the_run(tmp_path: Path) -> None:
    for name, (make, _, _, _) in UNREADABLE.items():
        (tmp_path / name).write_bytes(make())
    (tmp_path / "chain.pem").write_bytes(PEM)
    for name, (_, code, _, _) in UNREADABLE.items():
        (target,) = check(tmp_path, name, status=3)
        assert codes(target) == [code], name
    targets = check(tmp_path, *UNREADABLE, "chain.pem", status=3)
    told = {target["target"]: target["fine"] for target in targets}
    expected = dict.fromkeys(UNREADABLE, False) | {"chain.pem": True}
    for held in ("key.pem", "key.der", "base64-of-key.txt"):  # they belong to the chain that is named with them
        del expected[held]
    assert told == expected


@pytest.mark.parametrize("spelling", ["gone.pem", "./gone.pem", "{folder}/gone.pem", "gone", "below/gone", "gone.P7B"])
def test_what_is_not_there_has_one_code_however_spelled(spelling: str, tmp_path: Path) -> None:
    (target,) = check(tmp_path, spelling.format(folder=tmp_path), status=3)
    assert codes(target) == ["file.not_usable"]


@pytest.mark.parametrize(
    "target",
    [
        *("ftp://x.example", "https://x.example/path", "https://x.example?x=1", "https://me@x.example", "https://["),
        *("127.0.0.1:0", "x" * 5000, "a/b\0"),
    ],
)
def test_a_target_that_is_none_is_told_among_the_others(target: str, folder: Path) -> None:
    found = check(folder, target, "chain.pem", status=3)
    assert codes(found[0])[0] in ("usage", "file.not_usable")
    assert found[1]["fine"]


def test_a_name_that_is_no_text_and_a_narrow_terminal(tmp_path: Path) -> None:
    """Bytes in a file's name that no encoding has, and output that goes to a program that reads ASCII."""
    name = os.fsdecode(b"\xe9-\xe9.pem")
    (tmp_path / name).write_bytes(b"")
    (target,) = check(tmp_path, name, status=3)
    assert target["target"] == "\ufffd-\ufffd.pem"
    command = [sys.executable, "-m", "engage_server", "chain", "check", name]
    for form in ("text", "json", "junit", "sarif", "github"):
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        done = subprocess.run(
            [*command, "--format", form], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (3, b"")


def test_a_defect_of_ours_is_told_like_everything_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("deep")

    with monkeypatch.context() as patched:
        patched.setattr("engage_server.services.chains.checking.run_checks", broken)
        found = check(folder, "chain.pem", "gone.pem", status=3)
    assert [codes(target) for target in found] == [["check.failed"], ["file.not_usable"]]
    assert "RecursionError" in found[0]["findings"][0]["sentence"]


def test_an_encrypted_key_that_does_not_open_is_told(folder: Path) -> None:
    (folder / "both.pem").write_bytes(PEM + LOCKED_KEY)
    for target in ("both.pem", "chain.pem"):
        beside = () if target == "both.pem" else ("locked.pem",)
        (found,) = check(folder, target, *beside)
        assert codes(found) == ["key.locked"]
        (found,) = check(folder, target, *beside, "--passphrase-file", "wrong", status=1)
        assert codes(found) == ["passphrase.wrong"]
        (found,) = check(folder, target, *beside, "--passphrase-file", "right")
        assert codes(found) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_passphrase_as_powershell_writes_it(encoding: str, folder: Path) -> None:
    (folder / "sealed.pfx").write_bytes(pfx(PASSPHRASE))
    (folder / "right").write_bytes(f"{PASSPHRASE.decode()}\r\n".encode(encoding))
    (found,) = check(folder, "sealed.pfx", "--passphrase-file", "right")
    assert codes(found) == []


def test_the_locked_keys_of_cas_are_nobodys_business(folder: Path) -> None:
    ok(engage(folder, "chain", "build", "built", *NAMES, "--passphrase-file", "right"))
    for passphrase in ((), ("--passphrase-file", "wrong")):
        (found,) = check(folder, "built", *passphrase, *NAMES, "--ignore", "validity.just_begun")
        assert codes(found) == []


def test_a_key_that_is_named_beside_a_chain_is_held_against_it(folder: Path) -> None:
    (found,) = check(folder, "fullchain.pem", "privkey.pem", "--anchor", "root.pem")
    assert codes(found) == []
    (found,) = check(folder, "foreign.pem", "fullchain.pem", "--anchor", "root.pem", status=1)
    assert codes(found) == ["key.mismatch"]
    two = check(folder, "fullchain.pem", "chain.pem", "foreign.pem", "--anchor", "root.pem", status=3)
    assert [codes(each) for each in two] == [[], [], ["content.key_alone"]], "whose it is is not known"


def test_a_file_in_the_wrong_order_is_told_alone_and_in_a_folder(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "all.pem").write_bytes(encodings.pem([CHAIN[2], CHAIN[1], CHAIN[0]]))
    (folder / "own" / "ca.pem").write_bytes(encodings.pem([CHAIN[2], CHAIN[1]]))
    (folder / "own" / "key.pem").write_bytes(KEY)
    for target in ("own/all.pem", "own"):
        (found,) = check(folder, target, status=1)
        assert codes(found) == ["sent.order"]
        assert "own/all.pem" in found["findings"][0]["sentence"]
    (folder / "own" / "all.pem").write_bytes(PEM)
    (found,) = check(folder, "own")
    assert codes(found) == [], "the control; in what order CAs stand alone is nobody's business"


def test_standard_input(folder: Path) -> None:
    for content in (PEM, WHOLE["openssl-der.p7c"](), WHOLE["open.p12"]()):
        (found,) = check(folder, "-", *NAMES, stdin=content)
        assert (found["target"], codes(found)) == ("-", [])
    (found,) = check(folder, "-", "privkey.pem", stdin=PEM)
    assert codes(found) == []
    (found,) = check(folder, "-", "foreign.pem", stdin=PEM, status=1)
    assert codes(found) == ["key.mismatch"]
    (found,) = check(folder, "-", stdin=b"", status=3)
    assert codes(found) == ["content.empty"]
    (found,) = check(folder, "-", stdin=bytes(range(1, 256)) * 20_000, status=3)
    assert codes(found) == ["file.not_usable"]
    twice = engage(folder, "chain", "check", "-", "--passphrase-file", "-", stdin=PEM)
    assert twice.returncode == 2
    assert "read once" in twice.stderr
    (folder / "-").write_bytes(UNREADABLE["page.pem"][0]())
    (found,) = check(folder, "./-", status=3)
    assert codes(found) == ["content.web_page"]


def test_the_next_step_is_one_that_works(folder: Path) -> None:
    (folder / "whole.pem").write_bytes(KEY + PEM)
    (folder / "it's.pfx").write_bytes(WHOLE["open.p12"]())
    for targets, step in (
        (("whole.pem",), "release stage whole.pem"),
        (("it's.pfx",), "release stage 'it'\"'\"'s.pfx'"),
        (("whole.pem", "it's.pfx"), "release stage TARGET, for one of these chains"),
        (("chain.pem",), "engage release stage"),
        (("gone.pem",), "engage chain explain CODE says more"),
        (("request.pem", "--ignore", "content"), ""),
    ):
        shown = engage(folder, "chain", "check", *targets, *AT).stdout
        lines = [line for line in shown.splitlines() if line.startswith("next: ")]
        assert [line.endswith(step) for line in lines] == [True] * bool(step), shown


def test_a_settings_file_that_is_named_has_to_be_there(folder: Path) -> None:
    for command in (("chain", "check", "chain.pem"), ("chain", "show", "chain.pem"), ("hash", "root.pem")):
        error(engage(folder, "--config", "/nope", *command), 2, "settings.invalid", "/nope")
        error(engage(folder, *command, ENGAGE_CONFIG="/nope"), 2, "settings.invalid", "/nope")
    made = engage(folder, "--config", "fresh.toml", "init", "--host", "127.0.0.1")
    assert made.returncode == 0, "init makes the file that it is told of"


def test_the_hook_for_files_passes_over_keys_and_requests(folder: Path) -> None:
    """Its own command, as pre-commit calls it: with the files of one change."""
    (hook,) = [each for each in _hooks() if each["id"] == "engage-chain-check-files"]
    entry = hook["entry"].split()[1:]
    for changed, status in (
        (("privkey.pem",), 0),
        (("request.pem", "crl.pem"), 0),
        (("request.pem", "privkey.pem", "chain.pem"), 0),
        (("foreign.pem", "chain.pem"), 1),
        (("request.pem", "gone.pem"), 3),
    ):
        done = engage(folder, *entry, *changed, *AT)
        assert (done.returncode, done.stderr) == (status, ""), done.stdout
    assert "skipped: it is a certificate request" in engage(folder, *entry, "request.pem").stdout
    assert engage(folder, "chain", "check", "request.pem").returncode == 3, "the control: without the hook's options"


def test_the_hook_for_folders_passes_over_keys_and_requests(folder: Path) -> None:
    (hook,) = [each for each in _hooks() if each["id"] == "engage-chain-check"]
    (folder / "certs").mkdir()
    for name in ("chain.pem", "privkey.pem", "request.pem", "crl.pem"):
        (folder / name).rename(folder / "certs" / name)
    done = engage(folder, *hook["entry"].split()[1:], *hook["args"], *AT)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "fine: nothing found" in done.stdout


def _hooks() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return found


@pytest.fixture
def apart(folder: Path) -> Path:
    """A folder as certbot leaves it, without a root, and the files of the chain one by one."""
    live = folder / "live"
    live.mkdir()
    for name, certificates in (("fullchain.pem", CHAIN[:2]), ("cert.pem", CHAIN[:1]), ("chain.pem", CHAIN[1:2])):
        (live / name).write_bytes(encodings.pem(certificates))
    (live / "privkey.pem").write_bytes(KEY)
    for name, certificate in zip(("server.pem", "intermediate.pem", "root.pem"), CHAIN, strict=True):
        (folder / name).write_bytes(encodings.pem([certificate]))
    return folder


@pytest.mark.parametrize(
    "targets",
    [
        ("fullchain.pem", "intermediate.pem", "root.pem"),
        ("chain.pem", "root.pem", "intermediate.pem"),
        ("live", "root.pem"),
        ("live", "intermediate.pem", "root.pem"),
    ],
    ids=["it has one of them", "it has both", "a folder lacks it", "a folder has one of them"],
)
def test_a_ca_that_is_named_beside_a_chain_is_part_of_it(targets: tuple[str, ...], apart: Path) -> None:
    """``certs/*.pem`` names what the server's file holds already. It is no server certificate with six faults."""
    (target,) = check(apart, *targets, *NAMES)
    assert (target["target"], codes(target)) == (targets[0], [])
    assert [each["role"] for each in target["certificates"]] == ["root", "intermediate", "server"]


def test_a_ca_beside_standard_input_is_part_of_its_chain(apart: Path) -> None:
    (target,) = check(apart, "-", "root.pem", *NAMES, stdin=(apart / "fullchain.pem").read_bytes())
    assert (target["target"], codes(target)) == ("-", [])


def test_a_ca_that_no_chain_needs_is_named_as_what_it_is(apart: Path) -> None:
    other = apart / "other.pem"
    other.write_bytes(encodings.pem([good_chain("another").chain.root]))
    for whole in ("chain.pem", "live"):
        found = check(apart, whole, "other.pem", *NAMES, status=1)
        assert codes(found[-1]) == ["path.no_server"], whole
        assert found[-1]["certificates"][0]["role"] == "root"
        assert len(found) == 2


def test_without_the_intermediate_nobody_is_told_to_remove_the_root(apart: Path) -> None:
    (target,) = check(apart, "server.pem", "root.pem", *NAMES, status=1)[:1]
    assert codes(target) == ["path.incomplete"]
    assert "Add the missing certificates" in target["findings"][0]["mend"]


def test_a_wrong_host_is_shown_beside_the_right_one(apart: Path) -> None:
    (target,) = check(apart, "chain.pem", "--host", "lock.example.org", status=1)
    (finding,) = [each for each in target["findings"] if each["code"] == "san.host_missing"]
    assert "the SAN has locks.example.org, localhost, 10.44.68.128, 127.0.0.1" in finding["sentence"]
    assert (finding["limit"], finding["mend"].count("--host")) == ("lock.example.org", 0)


def test_a_wrong_key_is_named(apart: Path) -> None:
    (target,) = check(apart, "chain.pem", "foreign.pem", *NAMES, status=1)
    assert [each["sentence"] for each in target["findings"]] == ["the private key in foreign.pem does not belong to it"]


def test_an_address_of_plain_http_is_sent_to_https(tmp_path: Path) -> None:
    (target,) = check(tmp_path, "http://user:secret@locks.example.org:8080", status=3)
    (finding,) = target["findings"]
    assert "names plain HTTP" in finding["sentence"]
    assert "https://HOST[:PORT]" in finding["mend"]
    assert "secret" not in json.dumps(target)
    (other,) = check(tmp_path, "ftp://locks.example.org", status=3)
    assert "is neither a file nor https" in other["findings"][0]["sentence"], "the control"
