"""A short run of ``scripts/fuzz-links telekom``; docs/fuzzing.md holds the long ones."""

import pytest

from tests.fuzz import telekom as fuzz
from tests.support.lengths import examples
from tests.support.signed_messages import NOTIFICATION, signed, trust


def test_a_short_run() -> None:
    count = examples(all=1000, quick=400, campaign=3000)
    found = [outcome for outcome, _ in fuzz.run(count, seed=20261126)]
    assert len(found) == count
    assert {"wsse.signature_wrong", "wsse.not_xml", "wsse.body", "unharmed"} <= set(found)
    assert len(set(found)) > 15, "many reasons are reached"


def test_an_acceptance_of_something_else_would_be_found() -> None:
    _, original = fuzz.seeds()[0]
    with pytest.raises(AssertionError, match="not what was signed"):
        fuzz.outcome(signed(NOTIFICATION.replace("ACTIVE", "STOLEN")), original, trust())
