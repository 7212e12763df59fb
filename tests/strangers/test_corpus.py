"""OpenSSL, cryptography and GnuTLS judge the corpus of defects: each disagreement with us is explained in a table."""

from itertools import product
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.defects import DEFECTS, right_plan
from tests.support.disagreements import IGNORED, REFUSED_TOO, Ignores, RefusesToo, foretold, judged
from tests.support.judges import JUDGES
from tests.support.lengths import spread

_NOT_COMPARED = {
    "server_missing": "there is no server certificate to ask about",
    "ends_this_second": "releases of OpenSSL differ about the second of notAfter, and certtool looks at the clock",
    "not_yet": "certtool looks at the clock: the second has passed. The others are asked in test_the_second_before",
}


_CASES = product(sorted(set(DEFECTS) - set(_NOT_COMPARED)), JUDGES)


@pytest.mark.parametrize(("name", "judge"), spread(_CASES, every=5, all=2))
def test_the_corpus(name: str, judge: str, tmp_path: Path) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    ours = judged(plan)
    assert JUDGES[judge](ours.question, tmp_path) is foretold(judge, ours), sorted(ours.codes)


@pytest.mark.parametrize("row", [*IGNORED, *REFUSED_TOO], ids=lambda row: f"{row.judges[0]}: {row.why}"[:60])
def test_every_row_shows_a_disagreement(row: Ignores | RefusesToo, tmp_path: Path) -> None:
    plan = right_plan()
    row.example(plan)
    ours = judged(plan)
    for judge in set(row.judges) & set(JUDGES):
        theirs = JUDGES[judge](ours.question, tmp_path)
        assert theirs is foretold(judge, ours)
        assert theirs is not (not ours.codes), f"{judge} agrees: the row is not needed"


def test_the_second_before(tmp_path: Path) -> None:
    plan = right_plan()
    DEFECTS["not_yet"][0](plan)
    ours = judged(plan)
    for judge in ("openssl", "pyopenssl", "cryptography"):
        assert JUDGES[judge](ours.question, tmp_path) is False
        assert JUDGES[judge](judged(right_plan()).question, tmp_path) is True


def test_critical_name_constraints_are_known_to_the_judges_and_to_no_small_stack(tmp_path: Path) -> None:
    for permitted, accepted in ((["example.org", "localhost"], True), (["example.com"], False)):
        plan = right_plan()
        names = [x509.DNSName(name) for name in permitted]
        plan.drafts["intermediate"].more = [(x509.NameConstraints(names, None), True)]
        ours = judged(plan)
        assert ("path.name_constraints" in ours.codes) is not accepted
        assert "encoding.critical_extension" in ours.codes
        for judge, ask in JUDGES.items():
            assert ask(ours.question, tmp_path) is accepted, judge
