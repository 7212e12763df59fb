"""The five forms of one result: read by somebody else's reader, and the same bytes for the same input."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import jsonschema
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sarif_pydantic import Sarif

from engage_server.checks import run_checks
from engage_server.checks.reports.github_report import github_report
from engage_server.checks.reports.json_report import json_report
from engage_server.checks.reports.junit_report import junit_report
from engage_server.checks.reports.result import CheckRun, TargetResult, result_of
from engage_server.checks.reports.sarif_report import sarif_report
from engage_server.checks.reports.text_report import text_report
from tests.chains import NOW
from tests.defects import DEFECTS, Plan, case_of

HOSTILE = 'x"]]></failure>\n::error::forged\x1b[31m%0A\u202e,:'
SCHEMA = Path(__file__).parents[2] / "docs" / "chain-check.schema.json"


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
    written: dict[str, Any] = json.loads(json_report(run))
    validator.validate(written)
    broken: list[dict[str, Any]] = [json.loads(json_report(run)) for _ in range(3)]
    broken[0].pop("targets")
    broken[1]["targets"][0]["fine"] = "yes"
    broken[2]["targets"][-1]["findings"][0]["severity"] = "fatal"
    assert not any(validator.is_valid(each) for each in broken)


def test_json_counts_right(run: CheckRun) -> None:
    written = json.loads(json_report(run))
    severities = [f["severity"] for target in written["targets"] for f in target["findings"]]
    assert written["totals"] == {name: severities.count(name) for name in ("error", "warning", "note")}
    for target in written["targets"]:
        assert target["fine"] is not any(f["severity"] == "error" for f in target["findings"])
        assert target["total_der_bytes"] == sum(c["der_bytes"] for c in target["certificates"])


def test_sarif_is_read_by_somebody_elses_model(run: CheckRun) -> None:
    text = sarif_report(run)
    log = Sarif.model_validate(json.loads(text))
    (only,) = log.runs
    assert log.version == "2.1.0"
    found = sum(len(result.findings) for result in run.results)
    assert len(only.results or []) == found
    rules = [rule.id for rule in only.tool.driver.rules or []]
    assert rules == sorted(set(rules))
    for result in json.loads(text)["runs"][0]["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9/:._~\[\]%-]+", uri), uri


@pytest.mark.parametrize("strict", [False, True])
def test_junit_parses_and_counts_right(run: CheckRun, strict: bool) -> None:
    text = junit_report(run, strict=strict)
    root = Tree.fromstring(text)
    suites = root.findall("testsuite")
    assert len(suites) == len(run.results)
    for suite, result in zip(suites, run.results, strict=True):
        failing = {"error", "warning"} if strict else {"error"}
        failures = sum(finding.severity.value in failing for finding in result.findings)
        assert suite.get("failures") == str(failures) == str(len(suite.findall("testcase/failure")))
        assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert "\x1b" not in text


def test_github_writes_one_command_a_line(run: CheckRun) -> None:
    lines = github_report(run).splitlines()
    assert len(lines) == sum(len(result.findings) for result in run.results) + 1
    for line in lines[:-1]:
        assert re.match(r"::(error|warning|notice) file=[^:,]+,title=[a-z_.0-9]+::", line), line
    assert not any(line.startswith("::error::forged") for line in lines)


def test_text_tells_every_finding_and_nothing_forged(run: CheckRun) -> None:
    text = text_report(run)
    for result in run.results:
        for finding in result.findings:
            assert f"[{finding.code}]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("::error") for line in text.splitlines())
    assert "fine: nothing found" in text
    painted = text_report(run, lambda words, style: f"<{style}>{words}</>")
    assert "<red>error</>" in painted


def test_the_bar_is_64_cells_of_the_limit(run: CheckRun) -> None:
    bars = re.findall(r"\[([RIS.]+)\] (\d+) of 4096", text_report(run))
    assert len(bars) == len(run.results)
    for bar, total in bars:
        assert len(bar) == 64
        assert bar.count(".") == (64 - round(int(total) * 64 / 4096) if int(total) <= 4096 else 0)


def test_same_input_same_bytes(run: CheckRun) -> None:
    for report in (json_report, sarif_report, github_report, text_report):
        assert report(run) == report(run)
    assert junit_report(run, strict=True) == junit_report(run, strict=True)
