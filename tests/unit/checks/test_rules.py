"""Each rule: the chains that break it, the findings that must come and no others."""

import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from engage_server.checks import RULES, ChainCase, Circumstances, Severity, run_checks
from engage_server.checks.profile import PROFILES, own_profile
from engage_server.errors import SettingsInvalid
from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES
from engage_server.records import AnchorRole
from tests.support import respelling
from tests.support.chains import HOSTS, NOW, Recipe, good_chain, key
from tests.support.defects import DEFECTS, case_of, right_plan


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_gives_its_findings_and_no_others(name: str) -> None:
    function, expected = DEFECTS[name]
    assert {finding.code for finding in run_checks(case_of(function))} == expected


def test_there_are_many_defects() -> None:
    assert sum(1 for _, expected in DEFECTS.values() if expected) >= 60
    assert all(function.__doc__ for function, _ in DEFECTS.values())


def test_every_rule_is_broken_by_some_defect() -> None:
    cases = [case_of(function) for function, _ in DEFECTS.values()]
    broken = {rule for case in cases for rule in RULES if list(rule(case))}
    missed = {rule.__name__ for rule in set(RULES) - broken}
    assert missed == set()


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ("1", {"encoding.version"}),
        ("0x" + "7f" * 20, {"encoding.version"}),
        ("0x" + "80" * 20, {"encoding.version", "encoding.serial"}),
        ("0x" + "7f" * 21, {"encoding.version", "encoding.serial"}),
    ],
)
def test_openssl_made(serial: str, expected: set[str], tmp_path: Path) -> None:
    """What cryptography refuses to make: a version 1 certificate, and serial numbers of more than 20 octets."""
    request = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-subj", "/CN=v1", "-out", "r"]
    subprocess.run(request, cwd=tmp_path, capture_output=True, check=True)
    sign = ["openssl", "x509", "-req", "-in", "r", "-signkey", "k", "-days", "99", "-set_serial", serial]
    pem = subprocess.run(sign, cwd=tmp_path, capture_output=True, check=True).stdout
    case = ChainCase.of_certificates((x509.load_pem_x509_certificate(pem),), Circumstances(NOW))
    assert {finding.code for finding in run_checks(case) if finding.code.startswith("encoding")} == expected


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ("300e0101ff0209400000000000000000", {"encoding.extension_malformed", "path.issuer_not_ca"}),
        ("30090101ff020100020105", {"encoding.extension_malformed", "path.issuer_not_ca"}),
        ("3003020100", {"encoding.path_length", "path.issuer_not_ca"}),
        ("30060101ff020100", set()),
    ],
    ids=["path length of nine octets", "a number more", "beside CA:FALSE", "the control"],
)
def test_basic_constraints_are_salvaged_in_one_case_alone(constraints: str, expected: set[str]) -> None:
    """GnuTLS and Go do not read the first, OpenSSL and GnuTLS not the second."""
    plan = right_plan()
    value = bytes.fromhex(constraints)
    plan.drafts["intermediate"].respell = respelling.extension_value("2.5.29.19", value)
    assert {finding.code for finding in run_checks(plan.case())} == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ("030205a1", {"encoding.extension_malformed"}),
        ("030200a1", set()),
        ("0303 07a080", set()),
        ("03020080", {"server.no_encipherment"}),
    ],
    ids=["a bit that is not used is set", "encipherOnly", "decipherOnly", "the control"],
)
def test_usages_that_mean_nothing_are_passed_over(usage: str, expected: set[str]) -> None:
    """Beside no keyAgreement they mean nothing; OpenSSL, GnuTLS and Go take them."""
    plan = right_plan()
    plan.drafts["server"].respell = respelling.extension_value("2.5.29.15", bytes.fromhex(usage))
    assert {finding.code for finding in run_checks(plan.case())} == expected


def test_what_is_built_has_no_finding() -> None:
    built = good_chain()
    at = Circumstances(NOW, HOSTS, AnchorRole.ROOT, built.server_key.public_key())
    assert run_checks(ChainCase.of_chain(built.chain, at)) == []


def test_the_worst_comes_first_and_the_list_is_stable() -> None:
    for function, _ in DEFECTS.values():
        case = case_of(function)
        severities = [finding.severity for finding in run_checks(case)]
        assert severities == sorted(severities, key=list(Severity).index)
        assert run_checks(case) == run_checks(case)


def test_every_finding_explains_itself() -> None:
    for function, _ in DEFECTS.values():
        for finding in run_checks(case_of(function)):
            assert finding.sentence
            assert finding.mend
            assert finding.source
            assert bool(finding.measured) == bool(finding.limit), finding.code
            area, _, what = finding.code.partition(".")
            assert area.islower()
            assert what.islower()


def test_profiles() -> None:
    assert set(PROFILES) == {"nde", "le", "mt20w", "gateway", "any"}
    assert PROFILES["any"].chain_der_bytes == min(p.chain_der_bytes for p in PROFILES.values()) == MAX_CHAIN_DER_BYTES
    assert PROFILES["any"].rsa_key_bits == min(p.rsa_key_bits for p in PROFILES.values())


def test_an_own_profile() -> None:
    own = own_profile('name = "ours"\nchain_der_bytes = 8192', "x.toml")
    assert (own.name, own.chain_der_bytes, own.rsa_key_bits) == ("ours", 8192, 2048)
    assert own.chain_source == "the profile file"
    for text in ("chain_der_bytes = 0", "chain_der_bytes = true", "chain_der_bytes = '1'", "what = 1", "name = 1", "["):
        with pytest.raises(SettingsInvalid, match=r"x\.toml"):
            own_profile(text, "x.toml")


def test_a_chain_that_is_too_long_names_what_takes_the_most_bytes() -> None:
    """It is the chain's own parts that are named, with their bytes; 'docs/why-4096.md' promises it."""
    built, _ = Recipe(padding_bytes=2500, intermediate_key_bits=4096).build()
    (finding,) = [
        each for each in run_checks(ChainCase.of_chain(built, Circumstances(NOW))) if each.code == "chain.too_long"
    ]
    first, second, third, *_ = finding.mend.split(". ")
    assert first == "Use keys of 2048 bits: that saves 512 bytes"
    assert re.fullmatch(r"Leave out .* \(25\d\d bytes\)", second)
    assert re.fullmatch(r"Shorten CN=Test Intermediate 0 \(\d+ bytes, 2 times\)|Leave out .*", third)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"server", "intermediate"}, {"path.no_server"}),
        ({"server", "root"}, {"path.no_server", "path.incomplete"}),
        (set(), {"key.mismatch"}),
    ],
    ids=["a root alone", "an intermediate alone", "the control"],
)
def test_a_ca_alone_is_not_judged_as_a_server(missing: set[str], expected: set[str]) -> None:
    """Beside the key of a server, which is then no finding either. No TLS server could be made of it for the corpus."""
    plan = right_plan()
    plan.leave_out, plan.server_key = missing, key(3)
    case = plan.case()
    assert {finding.code for finding in run_checks(case)} == expected
    assert case.has_server is not bool(missing)
