"""Writes the conformance table for people, scripts and CI servers."""

import json
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as Tree  # it only writes

from engage_server.lock.conformance.requirement import Outcome

FORMAT = "engage-server/conformance/1"

Paint = Callable[[str, str], str]  # (text, colour) -> text


def told(outcome: Outcome, paint: Paint) -> str:
    """Write one row for people, with up to two more lines if it failed."""
    mark = paint("pass", "green") if outcome.passed else paint("FAIL", "red")
    row = f"{mark}  {outcome.requirement.code:<26}{outcome.requirement.sentence}\n"
    if outcome.passed:
        return row
    mend = f"      fix: {outcome.mend}\n" if outcome.mend else ""
    return f"{row}      seen: {_one_line(outcome.seen)} (source: {outcome.requirement.certainty})\n{mend}"


def as_json(outcomes: Sequence[Outcome], url: str) -> str:
    """Write all rows as one JSON object."""
    rows = [
        {
            "code": outcome.requirement.code,
            "sentence": outcome.requirement.sentence,
            "grade": outcome.requirement.certainty.value,
            "passed": outcome.passed,
            "seen": outcome.seen,
            "mend": outcome.mend,
        }
        for outcome in outcomes
    ]
    failed = sum(not outcome.passed for outcome in outcomes)
    return json.dumps({"format": FORMAT, "host": url, "failed": failed, "rows": rows}, indent=2) + "\n"


def as_junit(outcomes: Sequence[Outcome], url: str) -> str:
    """Write all rows as one JUnit suite."""
    failed = sum(not outcome.passed for outcome in outcomes)
    root = Tree.Element("testsuites", name="engage lock conformance")
    counts = {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = Tree.SubElement(root, "testsuite", {"name": url, **counts})
    for outcome in outcomes:
        name = f"{outcome.requirement.code}: {outcome.requirement.sentence}"
        case = Tree.SubElement(suite, "testcase", classname=url, name=name)
        if not outcome.passed:
            failure = Tree.SubElement(case, "failure", message=_one_line(outcome.seen))
            failure.text = f"{_one_line(outcome.seen)}\nfix: {outcome.mend}"
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _one_line(text: str) -> str:
    """Replace control characters: a host's text must not start a line or add colour."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
