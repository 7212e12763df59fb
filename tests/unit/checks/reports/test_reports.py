"""The five forms of one result: read by somebody else's reader, and the same bytes for the same input."""

import json
import re
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import jsonschema
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sarif_pydantic import Sarif

from engage_server.as_json.chain_check import json_report
from engage_server.checks import run_checks
from engage_server.checks.reports.github_report import github_report
from engage_server.checks.reports.junit_report import junit_report
from engage_server.checks.reports.result import CheckRun, TargetResult, result_of
from engage_server.checks.reports.sarif_report import sarif_report
from engage_server.checks.reports.text_report import text_report
from tests.support.chains import NOW
from tests.support.checkout import ROOT
from tests.support.defects import DEFECTS, Plan, case_of

HOSTILE = 'x"]]></failure>\n::error::forged\x1b[31m%0A\u202e,:'
SARIF_SCHEMA = Path(sys.prefix) / "share" / "sarif-2.1.0-rtm.5.json"
SCHEMA = ROOT / "docs" / "chain-check.schema.json"


def hostile_name(plan: Plan) -> None:
    """A certificate whose name tries to break out of every report."""
    plan.drafts["server"].name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTILE)])


def whole_run() -> CheckRun:
    """All defects, and a name that is hostile."""
    results: list[TargetResult] = []
    for name, (function, _) in DEFECTS.items():
        case = case_of(function)
        results.append(result_of(f"chains/{name} x.pem", case, run_checks(case)))
    case = case_of(hostile_name)
    results.append(result_of(f"chains/{HOSTILE}", case, run_checks(case)))
    return CheckRun(NOW, "any", 4096, tuple(results))


@pytest.fixture(scope="module")
def run() -> CheckRun:
    return whole_run()


def test_json_keeps_to_its_published_schema(run: CheckRun) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    written: dict[str, Any] = json.loads("".join(json_report(run)))
    validator.validate(written)
    broken: list[dict[str, Any]] = [json.loads("".join(json_report(run))) for _ in range(3)]
    broken[0].pop("targets")
    broken[1]["targets"][0]["fine"] = "yes"
    broken[2]["targets"][-1]["findings"][0]["severity"] = "fatal"
    assert not any(validator.is_valid(each) for each in broken)


def test_json_counts_right(run: CheckRun) -> None:
    written = json.loads("".join(json_report(run)))
    severities = [f["severity"] for target in written["targets"] for f in target["findings"]]
    counted = {name: severities.count(name) for name in ("error", "warning", "note")}
    assert written["totals"] == counted | {"ignored": 0, "skipped": 0, "not_read": 0}
    for target in written["targets"]:
        assert target["fine"] is not any(f["severity"] == "error" for f in target["findings"])
        assert target["total_der_bytes"] == sum(c["der_bytes"] for c in target["certificates"])


def test_sarif_is_read_by_somebody_elses_model(run: CheckRun) -> None:
    text = "".join(sarif_report(run))
    log = Sarif.model_validate(json.loads(text))
    (only,) = log.runs
    assert log.version == "2.1.0"
    found = sum(len(result.findings) for result in run)
    assert len(only.results or []) == found
    rules = [rule.id for rule in only.tool.driver.rules or []]
    assert len(rules) == len(set(rules))
    for result in json.loads(text)["runs"][0]["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9/:._~\[\]%-]+", uri), uri


def test_sarif_rules_say_where_to_read_on_and_what_they_are_about(run: CheckRun) -> None:
    (only,) = Sarif.model_validate(json.loads("".join(sarif_report(run)))).runs
    for rule in only.tool.driver.rules or []:
        assert str(rule.help_uri).startswith("https://"), rule.id
        assert rule.id.partition(".")[0] in (rule.properties or {})["tags"]
        assert rule.short_description is not None
        assert rule.full_description is not None
        assert rule.short_description.text.endswith(".")


def fingerprints(text: str) -> list[str]:
    """Of each result, in their order."""
    results = json.loads(text)["runs"][0]["results"]
    both = [tuple(result["partialFingerprints"].values()) for result in results]
    assert all(len(set(each)) == 1 for each in both)
    return [each[0] for each in both]


def test_sarif_tells_findings_apart_and_knows_them_again(run: CheckRun) -> None:
    found = fingerprints("".join(sarif_report(run)))
    assert len(set(found)) == len(found), "GitHub takes two of one fingerprint for one alert"
    plan = DEFECTS["ends_soon"][0]
    case = case_of(plan)
    later = replace(case, at=replace(case.at, now=case.at.now + timedelta(days=1)))
    runs = [CheckRun(NOW, "any", 4096, (result_of("a.pem", each, run_checks(each)),)) for each in (case, later)]
    texts = ["".join(sarif_report(each)) for each in runs]
    assert fingerprints(texts[0]) == fingerprints(texts[1]), "a day passes, and it is the same alert"
    assert texts[0] != texts[1]
    elsewhere = CheckRun(NOW, "any", 4096, (result_of("b.pem", case, run_checks(case)),))
    assert fingerprints("".join(sarif_report(elsewhere))) != fingerprints(texts[0])


@pytest.mark.skipif(not SARIF_SCHEMA.exists(), reason="scripts/test fetches the published schema with npm")
def test_sarif_keeps_to_the_published_schema(run: CheckRun) -> None:
    schema = json.loads(SARIF_SCHEMA.read_text())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    live = TargetResult("[::1]:8443", (), list(run)[-1].findings, live=True)
    elsewhere = TargetResult("/etc/a chain", (), list(run)[-1].findings)
    for each in (run, CheckRun(NOW, "any", 4096, (live, elsewhere)), CheckRun(NOW, "any", 4096, ())):
        validator.validate(json.loads("".join(sarif_report(each))))
    broken = [json.loads("".join(sarif_report(run))) for _ in range(3)]
    broken[0]["runs"][0]["results"][0]["level"] = "fatal"
    broken[1]["runs"][0]["tool"]["driver"].pop("name")
    broken[2]["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not any(validator.is_valid(one) for one in broken)


def test_places_are_files_of_the_checkout_or_whole_uris() -> None:
    case = case_of(DEFECTS["no_san"][0])
    findings = run_checks(case)
    files = {case.server: "certs/a b/server.pem"}
    for result, uri, annotation in (
        (result_of("certs/a b", case, findings, files), "certs/a%20b/server.pem", "file=certs/a b/server.pem,line=1,"),
        (result_of("/srv/chain.pem", case, findings), "file:///srv/chain.pem", "file=/srv/chain.pem,line=1,"),
        (replace(result_of("h.example:8443", case, findings), live=True), "https://h.example:8443", ""),
    ):
        run = CheckRun(NOW, "any", 4096, (result,))
        (found,) = json.loads("".join(sarif_report(run)))["runs"][0]["results"]
        assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
        assert "".join(github_report(run)).startswith(f"::error {annotation}title=san.missing::")


@pytest.mark.parametrize("strict", [False, True])
def test_junit_parses_and_counts_right(run: CheckRun, strict: bool) -> None:
    text = "".join(junit_report(run, strict=strict))
    root = Tree.fromstring(text)
    suites = root.findall("testsuite")
    assert len(suites) == len(list(run))
    for suite, result in zip(suites, run, strict=True):
        failing = {"error", "warning"} if strict else {"error"}
        failures = sum(finding.severity.value in failing for finding in result.findings)
        assert suite.get("failures") == str(failures) == str(len(suite.findall("testcase/failure")))
        assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert "\x1b" not in text


def test_github_writes_one_command_a_line(run: CheckRun) -> None:
    lines = "".join(github_report(run)).splitlines()
    assert len(lines) == sum(len(result.findings) for result in run) + 1
    for line in lines[:-1]:
        assert re.match(r"::(error|warning|notice) file=[^:,]+,line=1,title=[a-z_.0-9]+::", line), line
    assert not any(line.startswith("::error::forged") for line in lines)


def test_text_tells_every_finding_and_nothing_forged(run: CheckRun) -> None:
    text = "".join(text_report(run))
    for result in run:
        for finding in result.findings:
            assert f"[{finding.code}]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("::error") for line in text.splitlines())
    assert "fine: nothing found" in text
    painted = "".join("".join(text_report(run, lambda words, style: f"<{style}>{words}</>")))
    assert "<red>error</>" in painted


@pytest.mark.parametrize("width", [80, 100, 20])
def test_text_wraps_to_a_width_and_else_keeps_a_finding_in_a_line(run: CheckRun, width: int) -> None:
    def words(text: str) -> list[str]:
        return text.split()

    whole, wrapped = "".join(text_report(run)), "".join(text_report(run, width=width))
    assert words(wrapped) == words(whole), "nothing is cut or lost"
    indented = [line for line in wrapped.splitlines() if line.startswith("      ")]
    assert [line for line in indented if len(line) > max(width, 40) and len(words(line)) > 1] == []
    assert any(len(line) > 150 for line in whole.splitlines()), "one line for a script that greps"
    painted = "".join(text_report(run, lambda text, _style: f"\x1b[1m{text}\x1b[0m", width))
    assert re.sub(r"\x1b\[\dm", "", painted) == wrapped, "colour takes no column"


def test_the_bar_is_44_cells_of_the_limit(run: CheckRun) -> None:
    bars = re.findall(r"\[([RLISO.]+)\] (\d+) of 4096", "".join(text_report(run)))
    assert len(bars) == len(list(run))
    for bar, total in bars:
        assert len(bar) == 44
        assert bar.count(".") == (44 - round(int(total) * 44 / 4096) if int(total) <= 4096 else 0)


def test_same_input_same_bytes(run: CheckRun) -> None:
    for report in (json_report, sarif_report, github_report, text_report):
        assert "".join(report(run)) == "".join(report(run))
    assert "".join(junit_report(run, strict=True)) == "".join(junit_report(run, strict=True))
