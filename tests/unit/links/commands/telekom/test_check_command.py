"""``engage telekom check``: the sheet, the findings and the exit status, from a folder and from links.toml."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.links.telekom.certificates.profiles import PROFILES
from engage_server.links.telekom.certificates.requests import build_request, fingerprint
from tests.support.chains import NOW, key
from tests.support.commands import engage, ok
from tests.support.refusals import error
from tests.support.telekom import PASSPHRASE, SAMPLE, organisation_toml
from tests.support.telekom_sets import DAY, links_toml, right_plan, write_plan

AT = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
PASSPHRASE_FILE = ("--passphrase-file", "telekom.passphrase")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which nothing is missing or wrong."""
    folder = tmp_path_factory.mktemp("complete")
    write_plan(right_plan(), folder / "telekom")
    (folder / "links.toml").write_text(links_toml("telekom"))
    (folder / "telekom.passphrase").touch(mode=0o600)
    (folder / "telekom.passphrase").write_bytes(PASSPHRASE + b"\n")
    yield folder


@pytest.fixture
def folder(complete: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(complete, tmp_path, dirs_exist_ok=True)
    return tmp_path


def checked(folder: Path, *more: str, status: int = 0) -> dict[str, Any]:
    """The JSON of a check, which ends with this status."""
    done = engage(folder, "telekom", "check", *more, "--at", AT, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert "Traceback" not in done.stderr
    return told


def codes(told: dict[str, Any]) -> list[str]:
    return [each["code"].removeprefix("telekom.") for each in told["findings"]]


FOLDER = ("telekom", *PASSPHRASE_FILE)
LINKS = ("--links", "links.toml")


def test_a_folder_in_which_all_is_right(complete: Path) -> None:
    told = checked(complete, *FOLDER)
    assert told["findings"] == []
    assert (told["fine"], told["complete"]) == (True, True)
    assert "".join(row["item"] for row in told["sheet"]) == "123456789ABCDEFGHJK"
    assert {row["state"] for row in told["sheet"]} == {"here"}
    assert told["format"] == "engage-server/telekom-check/1"


def test_links_toml_in_which_all_is_right(complete: Path) -> None:
    told = checked(complete, *LINKS)
    # CAs lie only in the folder: no key of links.toml names them
    assert set(codes(told)) == {"issuer_unknown"}
    assert {row["state"] for row in told["sheet"]} == {"here"}
    assert told["sheet"][4]["source"] == "links.toml [telekom.ta] m2madmcl_url"
    both = checked(complete, "telekom", *LINKS, *PASSPHRASE_FILE)
    assert codes(both) == [], "the same files twice are no two certificates"


def test_no_secret_is_shown(complete: Path) -> None:
    for options in (FOLDER, LINKS, (*FOLDER, "--json")):
        done = engage(complete, "telekom", "check", *options, "--at", AT)
        assert "not shown" not in done.stdout + done.stderr
        assert PASSPHRASE.decode() not in done.stdout + done.stderr


def test_a_passphrase_of_links_toml_opens_the_key(folder: Path) -> None:
    assert "key_locked" in codes(checked(folder, "telekom"))
    (folder / "telekom.passphrase").write_bytes(b"another\n")
    assert codes(checked(folder, *LINKS)).count("key_locked") == 4
    (folder / "telekom.passphrase").chmod(0o644)
    told = checked(folder, *LINKS, status=1)
    assert {each["sentence"] for each in told["findings"] if each["code"] == "telekom.unreadable"}


def test_what_is_missing_is_shown_and_is_no_error(folder: Path) -> None:
    for file in (folder / "telekom").iterdir():
        if file.name.startswith(("3_", "7_", "9_", "A_", "J_", "K_")):
            file.unlink()
    told = checked(folder, *FOLDER)
    assert told["complete"] is False
    to_do = {row["item"]: row["to_do"] for row in told["sheet"] if row["state"] == "missing"}
    assert to_do == {
        "3": "you: engage telekom csr --environment pe --use sign",
        "7": "you: choose and send it",
        "9": "you: make it in the portal",
        "A": "Telekom sends it",
        "J": "Telekom sends it",
        "K": "Telekom sends it",
    }
    shown = ok(engage(folder, "telekom", "check", *FOLDER, "--at", AT))
    assert "13 of 19 items are here" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines.index("you give Telekom state where") < lines.index("Telekom gives you state where")
    assert lines[10] == "Telekom gives you state where", "nine items stand above it"
    assert "A TLS server certificate, TA missing Telekom sends it" in lines
    assert "3 signature certificate, PE missing you: engage telekom csr" in lines
    assert "5 URL of M2MAdmCl, TA here telekom/5_x.url" in lines
    assert re.search("next: 3, signature certificate, PE: you: .*engage telekom csr --environment pe --use sign", shown)


def test_a_request_waits_for_its_certificate(folder: Path) -> None:
    (folder / "telekom" / "1_x.pem").unlink()
    request = build_request(PROFILES[0], SAMPLE, key(10))
    (folder / "telekom" / "1_x.csr").write_bytes(request.public_bytes(Encoding.PEM))
    told = checked(folder, *FOLDER)
    row = told["sheet"][0]
    assert (row["state"], row["detail"]) == ("requested", fingerprint(request))
    assert row["to_do"].startswith("send telekom/1_x.csr to Telekom")
    shown = ok(engage(folder, "telekom", "check", *FOLDER, "--at", AT))
    pairs = "".join(line.split(":", 1)[1] for line in shown.splitlines() if line.startswith("     row "))
    assert pairs.replace(" ", "").lower() == fingerprint(request)


def test_a_request_whose_certificate_is_there_waits_for_nothing(folder: Path) -> None:
    request = build_request(PROFILES[0], SAMPLE, key(10))
    (folder / "telekom" / "1_x.csr").write_bytes(request.public_bytes(Encoding.PEM))
    row = checked(folder, *FOLDER)["sheet"][0]
    assert (row["state"], row["to_do"]) == ("here", "")


def test_a_file_with_a_whole_chain(folder: Path) -> None:
    telekom = folder / "telekom"
    ca = (telekom / "ca0.pem").read_bytes()
    (telekom / "ca0.pem").unlink()
    assert codes(checked(folder, *FOLDER)).count("issuer_unknown") == 8
    (telekom / "1_x.pem").write_bytes((telekom / "1_x.pem").read_bytes() + ca)
    assert codes(checked(folder, *FOLDER)) == [], "the CA of one file is that of all"


def test_a_renewal_in_a_folder_below(folder: Path) -> None:
    """The new request waits there. When its certificate comes, it counts, and the former one is named."""
    plan = right_plan()
    below = folder / "telekom" / "2029"
    below.mkdir()
    plan.drafts["1"].key = key(33)
    (below / "1_x.csr").write_bytes(build_request(PROFILES[0], SAMPLE, key(33)).public_bytes(Encoding.PEM))
    told = checked(folder, *FOLDER)
    assert told["sheet"][0]["to_do"] == "renewal: send telekom/2029/1_x.csr to Telekom"
    later = replace(plan.drafts["1"], since=NOW - DAY, until=NOW + 900 * DAY)
    (below / "from-telekom.crt").write_bytes(later.issued().public_bytes(Encoding.PEM))
    told = checked(folder, *FOLDER, status=1)
    assert told["sheet"][0]["source"] == "telekom/2029/from-telekom.crt", "its key says what it is"
    assert codes(told) == ["key_mismatch", "former"], "its key is not in the folder yet"
    assert told["findings"][1]["sentence"] == "telekom/2029/from-telekom.crt became valid later"


def test_files_without_a_sign(folder: Path) -> None:
    telekom = folder / "telekom"
    (telekom / "1_x.pem").rename(telekom / "from-telekom.cer")
    assert codes(checked(folder, *FOLDER)) == []
    (telekom / "A_x.pem").rename(telekom / "b2b.cer")
    (telekom / "readme.txt").write_text("no part of the set")
    (telekom / "E_note.pdf").write_text("no URL")
    told = checked(folder, *FOLDER)
    assert codes(told) == ["unplaced"]
    assert told["findings"][0]["certificate"] == "telekom/b2b.cer"


def test_a_file_that_cannot_be_used(folder: Path) -> None:
    (folder / "telekom" / "1_x.pem").write_bytes(b"no certificate")
    (folder / "telekom" / "2_x.csr").write_bytes(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n")
    (folder / "telekom" / "K_x.secret").write_bytes(b"x" * 4097)
    told = checked(folder, *FOLDER, status=1)
    unreadable = sorted(each["certificate"] for each in told["findings"])
    assert unreadable == ["telekom/1_x.pem", "telekom/2_x.csr", "telekom/K_x.secret"]
    assert set(codes(told)) == {"unreadable"}


def test_rights_to_files(folder: Path) -> None:
    for name in ("1_x-PrivateKey.pem", "J_x.secret"):
        (folder / "telekom" / name).chmod(0o640)
    told = checked(folder, *FOLDER, status=1)
    assert codes(told) == ["readable_by_others", "readable_by_others"]
    assert "chmod 600 telekom/J_x.secret" in {each["mend"] for each in told["findings"]}


def test_the_exit_status(folder: Path) -> None:
    later = f"{NOW + timedelta(days=1066):%Y-%m-%d}"
    warned = engage(folder, "telekom", "check", *FOLDER, "--at", later)
    assert warned.returncode == 0
    assert "warning [telekom.ends_soon] 1 telekom/1_x.pem: it expires on " in " ".join(warned.stdout.split())
    assert engage(folder, "telekom", "check", *FOLDER, "--at", later, "--strict").returncode == 1
    assert engage(folder, "telekom", "check", *FOLDER, "--at", later, "--strict", "--warn-days", "5").returncode == 0
    expired = engage(folder, "telekom", "check", *FOLDER, "--at", "2039-01-01")
    assert expired.returncode == 1
    assert re.search("next: fix the errors above, then: .* telekom check telekom --passphrase-file", expired.stdout)
    assert engage(folder, "telekom", "check", *FOLDER, "--at", AT, "--strict").returncode == 0


def test_the_organisation_that_is_named_counts(folder: Path) -> None:
    (folder / "other.toml").write_text(organisation_toml(replace(SAMPLE, locality="Kerpen")))
    told = checked(folder, *FOLDER, "--config", "other.toml", status=1)
    assert set(codes(told)) == {"subject_differs"}
    (folder / "telekom" / "organisation.toml").unlink()
    assert codes(checked(folder, *FOLDER)) == ["no_organisation"]


def test_a_key_in_both_environments(folder: Path) -> None:
    for ending in (".pem", "-PrivateKey.pem"):
        shutil.copy(folder / "telekom" / f"2_x{ending}", folder / "telekom" / f"4_x{ending}")
    for options in (FOLDER, LINKS):
        told = checked(folder, *options, status=1)
        assert "key_in_both_environments" in codes(told)
    text = (folder / "links.toml").read_text().replace("https://m2m.sample.org/", "https://ta.sample.org/")
    (folder / "links.toml").write_text(text)
    assert "endpoint_in_both_environments" in codes(checked(folder, *LINKS, status=1))


def test_what_a_host_presents(folder: Path) -> None:
    host = '[hosts."ta.sample.org"]\ncertificate_file = "telekom/{}_x.pem"\nkey_file = "telekom/{}_x-PrivateKey.pem"\n'
    whole = (folder / "links.toml").read_text()
    for sign, expected in (("2", False), ("1", True)):
        (folder / "links.toml").write_text(host.format(sign, sign) + 'serves = ["telekom-ta"]\n' + whole)
        told = checked(folder, *LINKS, status=int(expected))
        assert ("other_certificate_served" in codes(told)) == expected
    (folder / "links.toml").write_text(host.format("9", "9") + 'serves = ["telekom-ta"]\n' + whole)
    assert "unreadable" in codes(checked(folder, *LINKS, status=1))


def test_what_cannot_be_checked(folder: Path) -> None:
    error(engage(folder, "telekom", "check"), 2, "there is nothing to check")
    error(engage(folder, "telekom", "check", "none"), 3, "none: there is no such folder")
    error(engage(folder, "telekom", "check", "telekom", "--passphrase-file", "none"), 3, "none: cannot read it")
    error(engage(folder, "telekom", "check", "--links", "none.toml"), 2, "none.toml: cannot read it")
    whole = (folder / "links.toml").read_text()
    (folder / "links.toml").write_text(whole.replace("m2madm_url", "m2madm_adress"))
    error(engage(folder, "telekom", "check", *LINKS), 2, "there is no key m2madm_adress. Did you mean m2madm_url?")
    (folder / "telekom" / "organisation.toml").write_text("x = 1\n")
    error(engage(folder, "telekom", "check", *FOLDER), 2, "organisation.toml: there is no key x")


def test_no_name_of_a_file_reaches_the_terminal_as_it_is(folder: Path) -> None:
    telekom = folder / "telekom"
    (telekom / "1_x.pem").unlink()
    request = build_request(PROFILES[0], SAMPLE, key(10)).public_bytes(Encoding.PEM)
    (telekom / "1_\x1b[31mx\n.csr").write_bytes(request)
    (telekom / "J_x.secret").rename(telekom / "J_\x1b]0;x\a.secret")
    (telekom / "J_\x1b]0;x\a.secret").chmod(0o644)
    for options in ((), ("--links", "links.toml")):
        done = engage(folder, "telekom", "check", *FOLDER, *options, "--at", AT)
        assert "1_\ufffd[31mx\ufffd.csr" in done.stdout
        assert "telekom.readable_by_others" in done.stdout
        assert not {"\x1b", "\a"} & set(done.stdout + done.stderr)


def test_it_fits_a_terminal(complete: Path) -> None:
    shown = ok(engage(complete, "telekom", "check", *FOLDER, "--at", AT))
    assert [line for line in shown.splitlines() if len(line) > 80] == []
