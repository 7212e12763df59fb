"""Asks schemathesis about a running API: every check, every phase, links between operations."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.api_judges import SCHEMATHESIS

_HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
_BEYOND_THE_FORM = {"401", "403", "404", "409", "412"}  # who calls, what exists, and what happened since
_REFUSALS = (400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 421, 422, 428)
_ONLY_THE_FORM = {"request.invalid", "idempotency.other_body"}


@dataclass(frozen=True)
class Verdict:
    """What schemathesis found.

    Attributes:
        output: What it printed: the failures with the requests that repeat them.
        report: Its report.
    """

    output: str
    report: dict[str, Any]

    @property
    def cases(self) -> int:
        """How many requests it sent."""
        return int(self.report["test_cases"]["generated"])

    @property
    def failures(self) -> int:
        """How many of its findings differ from each other."""
        return int(self.report["test_cases"]["unique_failures"]) + len(self.report["errors"])

    def accepted(self, operation: str) -> int:
        """How many valid requests an operation answered with success: a judge that only meets refusals proves little."""
        phases = self.report["valid_rates"].get(operation, {})
        return sum(int(phase["accepted"]) for phase in phases.values())


def fuzz(url: str, token: str, folder: Path, site: str, *, seed: int, cases: int, seconds: int) -> Verdict:
    """Let it try.

    Args:
        url: Of the operators' listener.
        token: Whose requests they are.
        folder: Keeps the configuration and the report. Has a folder ``chains`` with PEM files to stage.
        site: The site in valid requests.
        seed: Of its chances.
        cases: The most requests to one operation, in one phase.
        seconds: When it stops at the latest.
    """
    document = folder / "openapi.json"
    (folder / "schemathesis.toml").write_text("".join(_configuration(json.loads(document.read_text()))))
    command = [
        *(SCHEMATHESIS, "--config-file", "schemathesis.toml", "run", document, "--origin", url, "--checks", "all"),
        *("--max-examples", cases, "--max-time", seconds, "--seed", seed, "--continue-on-failure", "--no-shrink"),
        *("--generation-database", "none", "--report", "json", "--report-json-path", "report.json"),
    ]
    variables = {
        "API_TOKEN": token,
        "API_CHAINS": str(folder / "chains"),
        "API_SITE": site,
        "PYTHONHASHSEED": str(seed),
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    report = folder / "report.json"
    assert report.exists(), done.stdout + done.stderr
    return Verdict(done.stdout, json.loads(report.read_text()))


def _configuration(document: dict[str, Any]) -> Iterator[str]:
    yield f"color = false\nhooks = {json.dumps(str(_HOOKS))}\n"
    yield '[headers]\nAuthorization = "Bearer ${API_TOKEN}"\n'
    yield f"[checks.negative_data_rejection]\nexpected-statuses = {json.dumps([str(each) for each in _REFUSALS])}\n"
    for item in document["paths"].values():
        for operation in item.values():
            statuses = json.dumps(sorted({"2xx", "304", *_BEYOND_THE_FORM, *_refusals_beyond_the_form(operation)}))
            yield f"[[operations]]\ninclude-operation-id = {json.dumps(operation['operationId'])}\n"
            yield f"checks.positive_data_acceptance.expected-statuses = {statuses}\n"


def _refusals_beyond_the_form(operation: dict[str, Any]) -> Iterator[str]:
    """Statuses with which even a request of the right form may be refused, as the document says."""
    names = {parameter["name"] for parameter in operation["parameters"]}
    if "cursor" in names:
        yield "400"
    if "If-Match" in names:
        yield "428"
    described = operation["responses"].get("422", {}).get("description", "")
    if {line.split("`")[1] for line in described.splitlines()} - _ONLY_THE_FORM:
        yield "422"
