"""A short run of ``scripts/fuzz``; docs/fuzzing.md holds the long ones."""

import pytest

from tests.fuzz import certificates as fuzz
from tests.support.lengths import examples


def test_a_short_run() -> None:
    count = examples(all=1000, quick=400, campaign=3000)
    found = [outcome for outcome, _ in fuzz.run(count, seed=20261121)]
    assert set(found) >= {"findings", "clear error"}, "both are reached"
    assert len(found) == count


@pytest.mark.parametrize(
    "content", [b"", b"\x30", b"\x30\x80\x00\x00", b"-----BEGIN ", b"\x00" * 10_000, b"\xff" * 10_000]
)
def test_the_smallest_and_the_dullest(content: bytes) -> None:
    assert fuzz.outcome(content) == "clear error"
