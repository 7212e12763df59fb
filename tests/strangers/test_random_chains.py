"""Chains at random: four other validators say what our findings foretell. docs/fuzzing.md holds the long run."""

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.support.defects import Plan
from tests.support.disagreements import foretold, judged
from tests.support.judges import JUDGES
from tests.support.lengths import examples
from tests.support.random_plans import plans

# the same chains in every run of CI; RANDOM_CHAINS=20000 makes new ones
_ASKED = os.environ.get("RANDOM_CHAINS")


@given(plans())
@settings(
    max_examples=int(_ASKED or examples(all=80, quick=40, campaign=150)),
    derandomize=_ASKED is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
def test_every_verdict_is_foretold(tmp_path: Path, plan: Plan) -> None:
    ours = judged(plan)
    for judge, ask in JUDGES.items():
        theirs = ask(ours.question, tmp_path)
        assert theirs is foretold(judge, ours), f"{judge} says {theirs}; we found {sorted(ours.codes)}: {plan.changes}"
