"""Five TLS clients judge the corpus and the field cases, and we agree: decision 38.

A chain that two of them refuse has an error of ours; one that all of them take has none, unless a device is narrower
than they are.
"""

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, assume, given, settings

from engage_server.checks import ChainCase, Circumstances, Severity, run_checks
from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.pki import encodings
from engage_server.records import Host
from tests.support.chains import NOW
from tests.support.defects import DEFECTS, Plan, right_plan
from tests.support.field_cases import AT, CHAINS, HOST, root_of, sent_in
from tests.support.hosts import serving, tls_context
from tests.support.lengths import spread
from tests.support.random_plans import plans
from tests.support.served import parts_of
from tests.support.tls_judges import TLS_JUDGES, Presented, openssl_strict

# the same chains in every run of CI; JUDGED_CHAINS=1000 makes new ones
_ASKED = os.environ.get("JUDGED_CHAINS")

_NOT_ASKED = {
    "server_missing": "there is no server certificate to ask about",
    "root_missing": "the judges are given the root that we miss",
    "root_missing_and_sent": "the same",
    "foreign_key": "the key is not asked about: the keyless server has none",
    "ends_this_second": "is notAfter the last second (RFC 5280, GnuTLS, Go) or the first one after it (OpenSSL)?",
}

_QUICK = [name for name in TLS_JUDGES if name != "go"]  # to compile Go's takes longer than all the rest

# what each client is known to refuse of the field cases; the others take it
_FIELD = {
    "name-constraints-dns": {"openssl", "gnutls", "wolfssl", "go"},
    "name-constraints-ip-excluded": {"openssl", "gnutls", "go"},
    "namesake-intermediate-sent-first": {"mbedtls"},
    "renewed-intermediate-old-one-first": {"gnutls", "wolfssl"},
    "intermediate-without-a-name": {"mbedtls"},
    "rsa-pss-no-parameters": set(TLS_JUDGES),
}

_DEVICES_ARE_NARROWER = {
    "chain.too_long": "4096 bytes are the limit of NDE and MT20W",
    "key.too_large": "RSA-2048 is the devices' longest key",
    "key.not_rsa": "devices are only known to take RSA",
    "signature.not_sha256": "devices are assumed to know SHA-256 alone",
}
_THEY_ARE_WIDER = {
    "root_not_signed_by_itself": "a trust anchor is taken as it is; ours has to last for twenty years",
    "link_that_expired": "they are asked with the new root; who holds the old one is locked out",
    "serial_given_twice": "NSS refuses both certificates, and OpenSSL 4 takes one for the other",
}


def _judges(names: list[str]) -> list[str]:
    return [name for name in names if TLS_JUDGES[name][2]]


def _presented(plan: Plan) -> Presented:
    """The host that our own rules miss, if there is one; else the first."""
    sent, _, root = parts_of(plan)
    return Presented(sent, root, (*unnamed_hosts(sent[0], plan.hosts), *plan.hosts)[0], plan.now)


def _refusing(asked: Presented, names: list[str], folder: Path) -> set[str]:
    return {name for name in _judges(names) if not TLS_JUDGES[name][0](asked, folder)}


def _codes(case: ChainCase) -> tuple[set[str], set[str]]:
    found = run_checks(case)
    return {each.code for each in found if each.severity is Severity.ERROR}, {each.code for each in found}


def _disagree(refusing: set[str], errors: set[str]) -> bool:
    if errors:
        return not refusing and not errors <= set(_DEVICES_ARE_NARROWER)
    return len(refusing) > 1


def _plan(name: str) -> Plan:
    plan = right_plan()
    DEFECTS[name][0](plan)
    return plan


def _field_case(name: str) -> tuple[Presented, ChainCase]:
    sent, root = sent_in(name), root_of(name)
    if any(datetime.now(AT.tzinfo) > each.not_valid_after_utc for each in (sent[0], root)):
        pytest.skip("its dates are over; mbed TLS and wolfSSL look at the clock")
    case = ChainCase.of_certificates((*sent, root), Circumstances(AT, (Host(HOST),)), sent)
    return Presented(sent, root, Host(HOST), AT), case


@pytest.mark.parametrize("name", TLS_JUDGES)
def test_every_judge_is_there_and_gives_both_verdicts(name: str, tmp_path: Path) -> None:
    ask, package, is_there = TLS_JUDGES[name]
    if not is_there:
        pytest.skip(f"not installed: {package}")
    right = _presented(right_plan())
    assert ask(right, tmp_path)
    assert not ask(Presented(right.sent, right.root, Host("doors.example.org"), NOW), tmp_path)
    assert not ask(Presented(right.sent, root_of("country-usa"), right.host, NOW), tmp_path)
    assert not ask(Presented(right.sent[:1], right.root, right.host, NOW), tmp_path)


@pytest.mark.parametrize("name", spread(sorted(set(DEFECTS) - set(_NOT_ASKED)), every=4, all=2))
def test_what_two_refuse_has_an_error_of_ours(name: str, tmp_path: Path) -> None:
    plan = _plan(name)
    refusing = _refusing(_presented(plan), _QUICK, tmp_path)
    assert len(refusing) < 2 or _codes(plan.case())[0], f"{sorted(refusing)} refuse it, and to us it is fine"


@pytest.mark.parametrize("name", CHAINS)
def test_the_field_cases(name: str, tmp_path: Path) -> None:
    asked, case = _field_case(name)
    refusing = _refusing(asked, _QUICK, tmp_path)
    assert refusing == _FIELD.get(name, set()) & set(_judges(_QUICK))
    assert len(refusing) < 2 or _codes(case)[0]


@pytest.mark.long("the same laws without Go, above")
@pytest.mark.skipif(not all(is_there for *_, is_there in TLS_JUDGES.values()), reason="not all five are installed")
class TestAllFive:
    """The whole law, Go included."""

    def test_the_corpus(self, tmp_path: Path) -> None:
        disagreements = {}
        for name in sorted(set(DEFECTS) - set(_NOT_ASKED)):
            plan = _plan(name)
            refusing = _refusing(_presented(plan), list(TLS_JUDGES), tmp_path)
            errors, _ = _codes(plan.case())
            if _disagree(refusing, errors) and name not in _THEY_ARE_WIDER:
                disagreements[name] = (refusing, errors)
        assert disagreements == {}

    @given(plans())
    @settings(
        max_examples=int(_ASKED or 100),
        derandomize=_ASKED is None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
    )
    def test_chains_at_random(self, tmp_path: Path, plan: Plan) -> None:
        assume(not isinstance(plan.drafts["server"].key, ed25519.Ed25519PrivateKey))  # of TLS 1.3 alone
        assume(plan.drafts["root"].signing_key is None)  # root_not_signed_by_itself, of which they are wider
        sent, _, root = parts_of(plan)
        sent = (*sent, *plan.along)
        asked = Presented(sent, root, (*unnamed_hosts(sent[0], plan.hosts), *plan.hosts)[0], NOW)
        at = Circumstances(NOW, plan.hosts, anchor_certificate=root)
        errors, _ = _codes(ChainCase.of_certificates((*sent, root), at, sent))
        refusing = _refusing(asked, list(TLS_JUDGES), tmp_path)
        assert not _disagree(refusing, errors), f"{sorted(refusing)} refuse it; {sorted(errors)}: {plan.changes}"

    def test_what_is_listed_as_wider_is(self, tmp_path: Path) -> None:
        for name in _THEY_ARE_WIDER:
            plan = _plan(name)
            assert _refusing(_presented(plan), list(TLS_JUDGES), tmp_path) == set(), name
            assert _codes(plan.case())[0] - set(_DEVICES_ARE_NARROWER), name

    @pytest.mark.parametrize("name", CHAINS)
    def test_the_field_cases(self, name: str, tmp_path: Path) -> None:
        asked, _ = _field_case(name)
        assert _refusing(asked, list(TLS_JUDGES), tmp_path) == _FIELD.get(name, set())


@pytest.mark.parametrize("name", spread(sorted(set(DEFECTS) - set(_NOT_ASKED)), every=4, all=2))
def test_what_x509_strict_refuses_is_at_least_remarkable(name: str, tmp_path: Path) -> None:
    """Python's ssl asks OpenSSL so from 3.13 on: each of its demands is one of RFC 5280's."""
    plan = _plan(name)
    assert openssl_strict(_presented(plan), tmp_path) or _codes(plan.case())[1]


@pytest.mark.skipif(not shutil.which("gnutls-cli"), reason="gnutls-cli is not installed (Debian: gnutls-bin)")
@pytest.mark.parametrize(("name", "taken"), [("must_staple", False), ("right", True)])
def test_gnutls_clients_want_the_staple_that_was_promised(name: str, taken: bool, tmp_path: Path) -> None:
    sent, key, root = parts_of(_plan(name))
    (tmp_path / "root.pem").write_bytes(encodings.pem([root]))
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        command = ["gnutls-cli", "--x509cafile", str(tmp_path / "root.pem"), "--verify-hostname", "localhost"]
        done = subprocess.run(
            [*command, "-p", str(host.port), "127.0.0.1"], input=b"", capture_output=True, timeout=60, check=False
        )
    assert (done.returncode == 0) is taken
    assert (b"OCSP" in done.stdout + done.stderr) is not taken
