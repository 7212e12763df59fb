"""What small TLS stacks refuse: the virtual lock agrees with the chain check on the field cases."""

from datetime import timedelta

import pytest
from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Severity, run_checks
from engage_server.lock.acceptance.judge import DeviceJudge
from engage_server.lock.acceptance.small_stack import assert_small_stacks_take
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.records import Host
from tests.support.chains import NOW
from tests.support.defects import DEFECTS, right_plan
from tests.support.field_cases import AT, CASES, CHAINS, HOST, root_of, sent_in
from tests.support.served import parts_of

_JUDGE = DeviceJudge(DeviceLimits(), accepts_partial_chain=False)


@pytest.mark.parametrize("case", CHAINS)
def test_the_lock_agrees_with_the_check(case: str) -> None:
    sent, root = sent_in(case), root_of(case)
    found = run_checks(ChainCase.of_certificates((*sent, root), Circumstances(AT, (Host(HOST),)), sent))
    errors = [each for each in found if each.severity is Severity.ERROR]
    assert bool(_JUDGE.refusal(sent, root, HOST, AT)) is bool(errors)


def test_a_device_with_the_old_root_finds_its_way_through_the_link() -> None:
    sent, old = sent_in("transition-with-link/chain"), CASES / "transition-with-link" / "old-root.pem"
    root = x509.load_pem_x509_certificate(old.read_bytes())
    assert _JUDGE.refusal(sent, root, HOST, AT) == ""
    assert "anchor" in _JUDGE.refusal(sent[:2], root, HOST, AT), "the control: without the link there is none"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("version_1_with_extensions", "version 3"),
        ("intermediate_without_a_name", "issuer is empty"),
        ("unique_identifier", "unique identifier"),
        ("critical_policy_constraints", "critical extension 2.5.29.36"),
        ("namesake_sent_first", "another key is sent before"),
        ("renewed_and_the_old_one_sent_last", "expired on"),
        ("one_self_issued_intermediate_too_many", "than its path length allows"),
    ],
)
def test_why(name: str, words: str) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    sent, _, root = parts_of(plan)
    with pytest.raises(DeviceRefusal, match=words):
        assert_small_stacks_take(sent, root, NOW)


def test_what_is_right_is_taken_and_dates_are_the_devices_own() -> None:
    sent, _, root = parts_of(right_plan())
    assert_small_stacks_take(sent, root, NOW)
    assert_small_stacks_take(sent, root, None)
    with pytest.raises(DeviceRefusal, match="expired"):
        assert_small_stacks_take(sent, root, NOW + timedelta(days=401))


def test_a_link_that_expired_is_of_no_interest_to_who_holds_the_new_root() -> None:
    plan = right_plan()
    DEFECTS["link_that_expired"][0](plan)
    sent, _, root = parts_of(plan)
    assert_small_stacks_take(sent, root, NOW)
    with pytest.raises(DeviceRefusal, match="expired"):
        assert_small_stacks_take(sent, sent[0], NOW)


def test_what_is_sent_twice_counts_twice() -> None:
    plan = right_plan()
    DEFECTS["sent_so_often_that_it_is_too_long"][0](plan)
    sent, _, root = parts_of(plan)
    assert "bytes of DER" in _JUDGE.refusal(sent, root, "localhost", NOW)
    assert _JUDGE.refusal(sent[:2], root, "localhost", NOW) == ""
