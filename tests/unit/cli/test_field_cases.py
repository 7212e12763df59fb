"""The chains of tests/assets/cases/README.md, judged by the real command: each right answer of its table."""

import re

import pytest

from tests.support.field_cases import CASES, CHAINS, verdict_of

# case -> (errors, warnings, exit status)
EXPECTED: dict[str, tuple[set[str], set[str], int]] = {
    "country-usa": (set(), {"encoding.attribute_length"}, 0),
    "intermediate-without-a-name": ({"encoding.empty_name"}, set(), 1),
    "leaf-with-pathlen": (set(), {"encoding.path_length"}, 0),
    "must-staple": (set(), {"server.must_staple"}, 0),
    "name-constraints-dns": ({"path.name_constraints"}, set(), 1),
    "name-constraints-ip-excluded": ({"path.name_constraints"}, set(), 1),
    "name-constraints-kept": (set(), set(), 0),
    "namesake-intermediate-sent-first": ({"sent.order"}, {"bundle.unrelated"}, 1),
    "renewed-intermediate-old-one-first": ({"sent.expired"}, {"bundle.unrelated"}, 1),
    "rsa-pss": (set(), {"signature.pss"}, 0),
    "rsa-pss-no-parameters": ({"path.signature_invalid", "signature.not_sha256"}, {"signature.pss"}, 1),
    "transition-with-link/chain": (set(), set(), 0),
}
_ELSEWHERE = {"encrypted-foreign-key"}  # what it is about is its key, and not its chain


def test_every_chain_of_the_table_is_run() -> None:
    table = (CASES / "README.md").read_text()
    named = {re.match(r"[\w/-]+", row)[0] for row in re.findall(r"^\| ([a-z].*?) \|", table, re.MULTILINE)}  # type: ignore[index]
    chains = {name for name in named if (CASES / name / "partner_server.pem").exists()}
    assert chains == set(CHAINS) == set(EXPECTED) | _ELSEWHERE


@pytest.mark.parametrize("case", EXPECTED)
def test_the_right_answer(case: str) -> None:
    verdict = verdict_of(case)
    assert (verdict.errors, verdict.codes("warning"), verdict.done.returncode) == EXPECTED[case]
    assert verdict.done.stderr == ""


def test_the_address_that_is_excluded_is_an_error_also_where_devices_call_it() -> None:
    verdict = verdict_of("name-constraints-ip-excluded", host="10.44.68.128")
    assert verdict.errors == {"path.name_constraints"}
    assert "10.44.68.128" in verdict.sentences("path.name_constraints")


def test_the_renewed_intermediate_is_told_by_its_cause() -> None:
    verdict = verdict_of("renewed-intermediate-old-one-first")
    assert "expired on 2026-11-15; without it the path is valid" in verdict.sentences("sent.expired")
    assert [each["not_after"][:4] for each in verdict.target["certificates"]] == ["2046", "2036", "2029", "2026"]


def test_a_path_length_beside_ca_false_hides_no_other_finding() -> None:
    verdict = verdict_of("leaf-with-pathlen", host="other.example.org")
    assert verdict.errors == {"san.host_missing"}
    assert verdict.codes("warning") == {"encoding.path_length"}


@pytest.mark.parametrize("anchor", ["transition-with-link/old-root.pem", "transition-with-link/chain/partner_CA.pem"])
def test_the_link_leads_to_the_old_root_and_counts(anchor: str) -> None:
    verdict = verdict_of("transition-with-link/chain", anchor=CASES / anchor)
    assert verdict.errors | verdict.codes("warning") == set()
    assert verdict.target["total_der_bytes"] == 3271
    rows = [(each["role"], each["counted"]) for each in verdict.target["certificates"]]
    assert rows[-4:] == [("root", True), ("link", True), ("intermediate", True), ("server", True)]


def test_the_root_of_before_without_a_link_is_another_anchor() -> None:
    """The control: it is the link that leads there."""
    verdict = verdict_of("name-constraints-kept", anchor=CASES / "transition-with-link" / "chain" / "partner_CA.pem")
    assert verdict.errors == {"anchor.not_in_path"}
