"""JUnit XML, as CI servers read it: a suite for each target, a case for each finding."""

import re
from xml.etree import ElementTree as Tree  # it only writes

from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult

# XML 1.0 section 2.2: everything else can not be written in any form
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(run: CheckRun, *, strict: bool) -> str:
    """The run as a ``testsuites`` document.

    Args:
        run: What was found.
        strict: Whether warnings fail, as they do for the exit status.
    """
    root = Tree.Element("testsuites", name="engage chain check")
    for result in run.results:
        _suite(root, result, run, strict)
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _suite(root: Tree.Element, result: TargetResult, run: CheckRun, strict: bool) -> None:
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failures = sum(finding.severity in failing for finding in result.findings)
    suite = Tree.SubElement(
        root,
        "testsuite",
        name=_xml(result.target),
        tests=str(max(1, len(result.findings))),
        failures=str(failures),
        errors="0",
        skipped="0",
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
    if not result.findings:
        Tree.SubElement(suite, "testcase", classname=_xml(result.target), name="nothing found")


def _account(finding: Finding) -> str:
    return f"{finding.sentence}\nmend: {finding.mend}\nsource: {finding.source}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
