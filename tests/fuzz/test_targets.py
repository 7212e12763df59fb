"""The whole command over damaged files: always a report, never a traceback, a warning of Python, or an early end."""

import json
import random
from pathlib import Path

import pytest

from engage_server.pki import encodings
from tests.fuzz.certificates import damaged
from tests.support.chains import NOW
from tests.support.commands import engage, engage_process
from tests.support.containers import KEY, LOCKED_KEY, ODD, PEM, UNREADABLE, WHOLE
from tests.support.defects import case_of, negative_serial
from tests.support.lengths import examples

SUFFIXES = (".pem", ".crt", ".der", ".p7b", ".p12", ".key")
FILES_OF_A_RUN = 40


def seeds() -> list[bytes]:
    """Every container, right and wrong, and a certificate that makes cryptography warn."""
    makes = [*WHOLE.values(), *(make for make, _ in ODD.values()), *(make for make, *_ in UNREADABLE.values())]
    return [make() for make in makes] + [KEY, LOCKED_KEY + PEM, encodings.pem(case_of(negative_serial).path)]


@pytest.mark.parametrize("seed", range(examples(all=10, quick=3, campaign=40)))
def test_damaged_files_by_name_in_a_folder_and_on_standard_input(seed: int, tmp_path: Path) -> None:
    chance, inputs = random.Random(seed), seeds()  # noqa: S311  # nothing is kept secret with it
    names = [f"{number}{chance.choice(SUFFIXES)}" for number in range(FILES_OF_A_RUN)]
    for name in names:
        (tmp_path / name).write_bytes(damaged(chance, inputs))
    (tmp_path / "passphrase").write_text("guess\n")
    few = [*names[:20], "--passphrase-file", "passphrase"]
    for targets in (names, ["."], few, ["-"]):
        done = engage(
            tmp_path,
            *("chain", "check", *targets, "--format", "json", "--at", NOW.isoformat()),
            stdin=damaged(chance, inputs),
        )
        assert (done.stderr, done.returncode in (0, 1, 3)) == ("", True)
        found = json.loads(done.stdout)["targets"]
        assert found
        codes = {finding["code"] for target in found for finding in target["findings"]}
        assert "check.failed" not in codes, found


@pytest.mark.parametrize("switch", [[], ["-W", "error"], ["-W", "always"]])
def test_no_warning_of_python_reaches_the_operator(switch: list[str], tmp_path: Path) -> None:
    """In a process of its own, whatever Python is told about warnings."""
    (tmp_path / "odd.pem").write_bytes(encodings.pem(case_of(negative_serial).path))
    (tmp_path / "ber.p7b").write_bytes(WHOLE["der.spc"]())
    done = engage_process(
        tmp_path, "chain", "check", "odd.pem", "ber.p7b", "--at", NOW.isoformat(), PYTHONWARNINGS="".join(switch[1:])
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "encoding.serial" in done.stdout
