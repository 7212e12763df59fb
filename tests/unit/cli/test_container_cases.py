"""The containers of tests/assets/cases/README.md, and the locked key: each right answer of its table."""

import json
from typing import Any

import pytest

from tests.support.commands import engage
from tests.support.field_cases import AT, CASES, HOST, verdict_of

# file -> (exit status, codes of errors, codes of warnings, certificates)
EXPECTED: dict[str, tuple[int, set[str], set[str], int]] = {
    "trusted-certificate.pem": (0, set(), set(), 3),
    "pkcs7-signed-data.p7b": (0, set(), set(), 3),
    "utf-16.pem": (0, set(), {"content.utf16"}, 3),
    "last-block-cut-off.pem": (3, {"content.cut_off"}, set(), 0),
    "end-and-begin-on-one-line.pem": (0, set(), {"content.pem_lines"}, 3),
}


def test_every_container_of_the_table_is_run() -> None:
    assert {path.name for path in (CASES / "containers").iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_right_answer(name: str) -> None:
    given = ("--host", HOST, "--at", AT.isoformat(), "--format", "json")
    done = engage(CASES, "chain", "check", f"containers/{name}", *given)
    (target,) = json.loads(done.stdout)["targets"]
    status, errors, warnings, certificates = EXPECTED[name]
    assert (done.returncode, done.stderr) == (status, "")
    assert (_codes(target, "error"), _codes(target, "warning")) == (errors, warnings)
    assert len(target["certificates"]) == certificates


def _codes(target: dict[str, Any], severity: str) -> set[str]:
    return {each["code"] for each in target["findings"] if each["severity"] == severity}


def test_a_locked_key_is_never_fine() -> None:
    case = "encrypted-foreign-key"
    verdict = verdict_of(case, "--passphrase-file", CASES / case / "wrong-passphrase")
    assert (verdict.errors, verdict.done.returncode) == ({"passphrase.wrong"}, 1)
    verdict = verdict_of(case)
    assert (verdict.codes("note"), verdict.done.returncode) == ({"key.locked"}, 0)
    verdict = verdict_of(case, ENGAGE_PASSPHRASE="right")
    assert (verdict.errors, verdict.done.returncode) == ({"key.mismatch"}, 1), "it is another certificate's"
