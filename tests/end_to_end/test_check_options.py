"""``--ignore``, ``--select``, settings in a file, ``explain``, and what they do to every form of the report."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import pytest

from engage_server.pki import encodings
from tests.support.chains import HOSTS, NOW
from tests.support.commands import engage, ok
from tests.support.containers import CHAIN, UNREADABLE
from tests.support.defects import case_of, intermediate_says_no_ca, outlives_its_issuer
from tests.support.refusals import error

AT = ("--at", NOW.isoformat())
NAMES = [text for host in HOSTS for text in ("--host", host.text)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chain with an error, one with a warning, a fine one, and a request."""
    for name, function in (("warned.pem", outlives_its_issuer), ("bad.pem", intermediate_says_no_ca)):
        (tmp_path / name).write_bytes(encodings.pem(case_of(function).path))
    (tmp_path / "fine.pem").write_bytes(encodings.pem(CHAIN))
    (tmp_path / "request.pem").write_bytes(UNREADABLE["request.pem"][0]())
    return tmp_path


def check(folder: Path, *arguments: object, status: int = 0) -> dict[str, Any]:
    """The JSON report of a command that must have ended with this status."""
    done = engage(folder, "chain", "check", *arguments, "--format", "json", *AT)
    assert done.returncode == status, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def codes(report: dict[str, Any]) -> set[str]:
    """All codes in it."""
    return {finding["code"] for target in report["targets"] for finding in target["findings"]}


def test_ignored_findings_count_for_nothing(folder: Path) -> None:
    assert codes(check(folder, "bad.pem", status=1)) == {"path.issuer_not_ca"}
    for code in ("path.issuer_not_ca", "path"):
        report = check(folder, "bad.pem", "--ignore", code)
        assert codes(report) == set()
        assert report["targets"][0]["ignored"] == 1
        assert report["targets"][0]["fine"]
    check(folder, "warned.pem", "--strict", status=1)
    check(folder, "warned.pem", "--strict", "--ignore", "validity.outlives_issuer")
    both = ("--ignore", "validity.outlives_issuer,path", "--ignore", "san")
    assert codes(check(folder, "bad.pem", "warned.pem", "--strict", *both)) == set()


def test_selected_findings_alone_are_told(folder: Path) -> None:
    assert codes(check(folder, "bad.pem", "warned.pem", "--select", "validity")) == {"validity.outlives_issuer"}
    assert codes(check(folder, "bad.pem", "--select", "path.issuer_not_ca", status=1)) == {"path.issuer_not_ca"}
    assert codes(check(folder, "bad.pem", "--select", "path", "--ignore", "path.issuer_not_ca")) == set()
    assert codes(check(folder, "gone.pem", "--select", "validity", status=3)) == {"file.not_usable"}


def test_codes_that_do_not_exist_are_refused(folder: Path) -> None:
    for option in ("--ignore", "--select"):
        error(engage(folder, "chain", "check", "fine.pem", option, "validity.expird"), 2, "Did you mean validity.exp")
    error(engage(folder, "chain", "check", "fine.pem", "--ignore", "file.not_usable"), 2, "cannot be ignored")


def test_what_is_left_away_is_said_in_every_form(folder: Path) -> None:
    run = ("chain", "check", "bad.pem", "request.pem", "--ignore", "path,content", *AT)
    text = ok(engage(folder, *run))
    assert "skipped: it is a certificate request" in text
    assert "0 errors, 0 warnings, 0 notes, 1 ignored, 1 skipped" in text
    github = ok(engage(folder, *run, "--format", "github"))
    assert github.splitlines()[-1] == "1 chain: 0 errors, 0 warnings, 0 notes, 1 ignored, 1 skipped"
    suites = Tree.fromstring(ok(engage(folder, *run, "--format", "junit"))).findall("testsuite")
    assert [suite.get("skipped") for suite in suites] == ["0", "1"]
    assert [len(suite.findall("testcase/skipped")) for suite in suites] == [0, 1]
    assert json.loads(ok(engage(folder, *run, "--format", "sarif")))["runs"][0]["results"] == []


def test_a_chain_that_was_just_built_passes_with_the_documented_option(tmp_path: Path) -> None:
    """docs/ci.md: a pipeline that issues and checks in one run."""
    ok(engage(tmp_path, "chain", "build", "fresh", *NAMES))
    (shown,) = json.loads(ok(engage(tmp_path, "chain", "show", "fresh", "--json")))
    begun = datetime.fromisoformat(shown["certificates"][-1]["not_before"])
    strict = ("chain", "check", "fresh", *NAMES, "--strict", "--format", "json")
    for hours, status, told in ((0, 1, 1), (23, 1, 1), (24, 0, 0)):
        at = ("--at", (begun + timedelta(hours=hours)).isoformat())
        done = engage(tmp_path, *strict, *at)
        assert done.returncode == status, "the control: without the option"
        found = json.loads(done.stdout)["targets"][0]["findings"]
        assert [each["code"] for each in found] == ["validity.just_begun"] * told, "once a chain"
        assert engage(tmp_path, *strict, *at, "--ignore", "validity.just_begun").returncode == 0


SETTINGS = 'hosts = ["elsewhere.example"]\nstrict = true\nwarn_days = 9999\nignore = ["validity.outlives_issuer"]\n'


@pytest.mark.parametrize(
    ("name", "heading"), [("engage.toml", "[check]"), ("pyproject.toml", "[tool.engage-server.check]")]
)
def test_settings_in_a_file_and_options_that_say_it_louder(name: str, heading: str, folder: Path) -> None:
    (folder / name).write_text(f'[other]\nx = 1\n{heading}\n{SETTINGS}profile = "nde"\n')
    found = check(folder, "fine.pem", status=1)
    assert {"san.host_missing", "validity.ends_soon"} <= codes(found)
    assert found["profile"] == "nde"
    quieter = ("--host", HOSTS[0].text, "--warn-days", "1", "--no-strict", "--profile", "any")
    assert codes(check(folder, "fine.pem", *quieter)) == set()
    assert "validity.outlives_issuer" not in codes(check(folder, "warned.pem", status=1))
    again = check(folder, "warned.pem", "--ignore", "san", "--warn-days", "1", status=1)
    assert "validity.outlives_issuer" in codes(again), "an option replaces what stands in the file"


def test_files_in_settings_are_meant_from_the_settings_file(folder: Path) -> None:
    (folder / "ci").mkdir()
    (folder / "ci" / "root.der").write_bytes(encodings.der(CHAIN[2]))
    (folder / "ci" / "tiny.toml").write_text('name = "tiny"\nchain_der_bytes = 2000\n')
    (folder / "ci" / "engage.toml").write_text('[check]\nanchor = "root.der"\nprofile = "tiny.toml"\n')
    (folder / "two.pem").write_bytes(encodings.pem(CHAIN[:2]))
    done = engage(folder, "--config", "ci/engage.toml", "chain", "check", "two.pem", "--format", "json", *AT)
    assert codes(json.loads(done.stdout)) == {"chain.too_long"}
    done = engage(folder, "chain", "check", "two.pem", "--format", "json", *AT, ENGAGE_CONFIG="ci/engage.toml")
    assert codes(json.loads(done.stdout)) == {"chain.too_long"}


def test_the_installations_file_comes_first_where_it_has_the_table(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.engage-server.check]\nignore = ["path"]\n')
    assert codes(check(folder, "bad.pem")) == set()
    (folder / "engage.toml").write_text("workers = 3\n")
    assert codes(check(folder, "bad.pem")) == set()
    (folder / "engage.toml").write_text('workers = 3\n[check]\nignore = ["san"]\n')
    assert codes(check(folder, "bad.pem", status=1)) == {"path.issuer_not_ca"}
    assert "workers" in ok(engage(folder, "settings")), "the table is no setting of the installation"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[check\n", "is not TOML"),
        ("[check]\nignored = []\n", "no setting ignored. Did you mean ignore?"),
        ("[check]\nignore = 'path'\n", "ignore must be a list"),
        ("[check]\nignore = ['validty']\n", "no finding has the code"),
        ("[check]\nstrict = 1\n", "strict must be true or false"),
        ("[check]\nwarn_days = true\n", "warn_days must be a whole number"),
        ("[check]\nwarn_days = -1\n", "warn_days must be a whole number"),
        ("[check]\nhosts = ['http://x']\n", "http://x"),
        ("[check]\nprofile = 'nobody'\n", "no profile 'nobody'"),
        ("[check]\nanchor = 'gone.pem'\n", "gone.pem"),
        ("check = 3\n", "check is not a table"),
    ],
)
def test_settings_that_are_none_are_refused(content: str, words: str, folder: Path) -> None:
    (folder / "engage.toml").write_text(content)
    status = 3 if "gone.pem" in words else 2
    error(engage(folder, "chain", "check", "fine.pem"), status, words, "" if status == 3 else "engage.toml")


def test_a_wrong_code_names_the_file_that_it_stands_in(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.engage-server.check]\nselect = ["validty"]\n')
    words = ("pyproject.toml: select: no finding has the code 'validty'", "Did you mean validity?")
    error(engage(folder, "chain", "check", "fine.pem"), 2, *words)
    given = engage(folder, "chain", "check", "fine.pem", "--select", "validty")
    error(given, 2, "pyproject.toml")
    (folder / "pyproject.toml").unlink()
    alone = engage(folder, "chain", "check", "fine.pem", "--select", "validty")
    error(alone, 2, "error [usage]: no finding has the code 'validty'")


def test_explain(tmp_path: Path) -> None:
    shown = ok(engage(tmp_path, "chain", "explain", "san.host_missing"))
    for word in ("san.host_missing  error", "rule", "why", "fix", "RFC 6125", "https://www.rfc-editor.org/rfc/rfc6125"):
        assert word in shown
    assert max(map(len, shown.splitlines())) <= 80
    (one,) = json.loads(ok(engage(tmp_path, "chain", "explain", "san.host_missing", "--json")))
    assert list(one) == ["code", "severity", "rule", "why", "fix", "source", "page"]
    codes = ("san.host_missing", "key.mismatch", "san.host_missing")
    several = json.loads(ok(engage(tmp_path, "chain", "explain", *codes, "--json")))
    assert [each["code"] for each in several] == ["san.host_missing", "key.mismatch"]
    area = json.loads(ok(engage(tmp_path, "chain", "explain", "validity", "--json")))
    assert {each["code"].partition(".")[0] for each in area} == {"validity"}
    every = json.loads(ok(engage(tmp_path, "chain", "explain", "--json")))
    assert len(every) > 60
    listed = ok(engage(tmp_path, "chain", "explain"))
    assert all(each["code"] in listed for each in every)
    error(engage(tmp_path, "chain", "explain", "san.host_mising"), 2, "Did you mean san.host_missing?")
