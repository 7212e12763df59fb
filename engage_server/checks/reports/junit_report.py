"""JUnit XML for CI servers: one suite for each target, one case for each finding."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as Tree  # it only writes

from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult

# XML 1.0 section 2.2: any other character cannot be written, not even escaped
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(run: CheckRun, *, strict: bool) -> Iterator[str]:
    """Write the run as a ``testsuites`` document, in one part for each suite.

    Args:
        run: The run to report.
        strict: Whether warnings count as failures, as for the exit status.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="engage chain check">\n'
    for result in run:
        suite = _suite(result, run, strict)
        Tree.indent(suite, level=1)
        yield "  " + Tree.tostring(suite, encoding="unicode").rstrip() + "\n"
    yield "</testsuites>\n"


def _suite(result: TargetResult, run: CheckRun, strict: bool) -> Tree.Element:
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failures = sum(finding.severity in failing for finding in result.findings)
    suite = Tree.Element(
        "testsuite",
        name=_xml(result.target),
        tests=str(max(1, len(result.findings))),
        failures=str(failures),
        errors="0",
        skipped=str(int(bool(result.skipped))),
        timestamp=run.at.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    for finding in result.findings:
        name = f"{finding.code} {finding.certificate}".strip()
        case = Tree.SubElement(suite, "testcase", classname=_xml(result.target), name=_xml(name))
        if finding.severity in failing:
            failure = Tree.SubElement(case, "failure", type=finding.severity.value, message=_xml(finding.sentence))
            failure.text = _xml(_account(finding))
        else:
            Tree.SubElement(case, "system-out").text = _xml(f"{finding.severity}: {_account(finding)}")
    if result.skipped:
        case = Tree.SubElement(suite, "testcase", classname=_xml(result.target), name="skipped")
        Tree.SubElement(case, "skipped", message=_xml(result.skipped))
    elif not result.findings:
        Tree.SubElement(suite, "testcase", classname=_xml(result.target), name="nothing found")
    return suite


def _account(finding: Finding) -> str:
    return f"{finding.sentence}\nfix: {finding.mend}\nsource: {finding.source}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
