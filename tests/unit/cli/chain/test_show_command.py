"""``engage chain show`` shows all that there is: links, and extensions that cannot be read."""

from pathlib import Path

import pytest

from engage_server.pki import encodings
from tests.support.commands import engage, ok
from tests.support.defects import DEFECTS, right_plan
from tests.support.field_cases import CASES, CHAINS


def test_a_link_is_shown() -> None:
    shown = ok(engage(CASES, "chain", "show", "transition-with-link/chain"))
    assert "link: CN=Field Root 2" in shown
    assert "unrelated" not in shown


def test_a_malformed_extension_is_shown(tmp_path: Path) -> None:
    plan = right_plan()
    DEFECTS["malformed_extension"][0](plan)
    (tmp_path / "chain.pem").write_bytes(encodings.pem(plan.certificates().values()))
    shown = ok(engage(tmp_path, "chain", "show", "chain.pem"))
    assert "1.3.6.1.5.5.7.1.1 (malformed)" in shown
    assert "SubjectAlternativeName" in shown


@pytest.mark.parametrize("case", CHAINS)
def test_every_field_case_is_shown_without_a_warning(case: str) -> None:
    done = engage(CASES, "chain", "show", case)
    assert (done.returncode, done.stderr) == (0, "")
