"""The table of docs/checks.md: every section of RFC 5280 4.1 and 4.2, held against what the rules say of themselves."""

import re

from engage_server.checks import Finding, run_checks
from tests.support.defects import DEFECTS, case_of
from tests.support.rfc5280 import MUSTS

_SECTIONS = {
    *(f"4.1.1.{number}" for number in range(1, 4)),
    *(f"4.1.2.{number}" for number in range(1, 10)),
    *("4.1.2.5.1", "4.1.2.5.2", "4.2", "4.2.1", "4.2.2.1", "4.2.2.2"),
    *(f"4.2.1.{number}" for number in range(1, 16)),
}


def _findings() -> list[Finding]:
    return [finding for function, _ in DEFECTS.values() for finding in run_checks(case_of(function))]


def test_every_section_has_a_row() -> None:
    assert {must.section for must in MUSTS} == _SECTIONS


def test_every_row_has_a_rule_or_a_reason() -> None:
    assert [must for must in MUSTS if bool(must.codes) == bool(must.reason)] == []


def test_every_code_of_the_table_is_found_in_the_corpus() -> None:
    found = {finding.code for finding in _findings()}
    assert {code for must in MUSTS for code in must.codes} - found == set()


def test_what_a_finding_gives_as_its_source_stands_in_the_table() -> None:
    rows = {(must.section, code) for must in MUSTS for code in must.codes}
    cited = {
        (section, finding.code)
        for finding in _findings()
        for sources in re.findall(r"RFC 5280 sections? ([\d., and]+)", finding.source)
        for section in re.findall(r"4\.[12](?:\.\d+)*", sources)
    }
    assert len(cited) > 25
    assert cited - rows == set()
