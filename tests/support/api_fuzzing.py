"""Asks schemathesis about a running API: every check, every phase, links between operations."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.api_judges import SCHEMATHESIS
from tests.support.api_server import SITE, ApiServer, api_server
from tests.support.rotating import night
from tests.support.world import serial_of

_HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
_CHAINS = 6
_DEVICES = 4  # that most of the requests are about; all but the last have called
_ANSWER_SECONDS = 90  # for one answer: with four processes on two cores ten were too few, and nothing was wrong
_PATIENCE = 3600  # seconds for one run; it ends by itself, and sooner where nobody else is at work
_BEYOND_THE_FORM = {"2xx", "304", "401", "403", "404", "409", "412"}  # who calls, what exists, what happened since
_REFUSALS = (400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 421, 422, 428)
_OF_THE_FORM = {  # codes of problems that a request of the right form never meets
    *("request.invalid", "request.json", "body.invalid", "request.body", "request.parameters", "request.twice"),
    *("idempotency.missing", "idempotency.key", "idempotency.other_body", "token.in_query"),
}


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
        """How many findings there are that differ from each other."""
        return int(self.report["test_cases"]["unique_failures"]) + len(self.report["errors"])

    def accepted(self, operation: str) -> int:
        """How many valid requests an operation answered with success. A judge that is always refused proves little."""
        phases = self.report["valid_rates"].get(operation, {})
        return sum(int(phase["accepted"]) for phase in phases.values())


def fuzz(folder: Path, origin: str, *, seed: int, cases: int, **variables: str) -> Verdict:
    """Let it try.

    Args:
        folder: Has the document as ``openapi.json``, and PEM files to stage in its folder ``chains``.
        origin: Of the API.
        seed: Of its chances.
        cases: The most requests to one operation, in one phase.
        variables: ``API_TOKEN``: whose requests they are. ``API_SITE``, ``API_SERIALS``: the site and the devices in
            most of the valid ones.
    """
    document = json.loads((folder / "openapi.json").read_text())
    (folder / "schemathesis.toml").write_text("".join(_configuration(document)))
    command = [
        *(SCHEMATHESIS, "--config-file", "schemathesis.toml", "run", "openapi.json", "--origin", origin),
        *("--checks", "all", "--max-examples", cases, "--seed", seed, "--no-shrink"),
        *("--continue-on-failure", "--generation-database", "none", "--request-timeout", _ANSWER_SECONDS),
        *("--max-response-time", _ANSWER_SECONDS),  # its own limit, 10 s, measures the machine and not the API
        *("--report", "json", "--report-json-path", "report.json"),
    ]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | {"API_CHAINS": str(folder / "chains"), "PYTHONHASHSEED": "0"} | variables,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    report = folder / "report.json"
    assert report.exists(), done.stdout + done.stderr
    return Verdict(done.stdout, json.loads(report.read_text()))


class FuzzedServer:
    """An installation for the judge alone, who may do to it what an admin may do."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        (server.folder / "chains").mkdir()
        for number in range(_CHAINS):
            server.new_chain(server.folder / "chains" / f"{number}.pem")
        for number in range(1, _DEVICES):
            night(server.pair, number)
        server.document_in(server.folder)

    def tried(self, *, seed: int, cases: int) -> Verdict:
        """Let schemathesis try: see :func:`fuzz`."""
        token = self.server.tokens["admin"]  # who may do whatever a token may
        return fuzz(
            self.server.folder,
            self.server.origin,
            seed=seed,
            cases=cases,
            API_TOKEN=token,
            API_SITE=SITE,
            API_SERIALS=" ".join(serial_of(number) for number in range(1, _DEVICES + 1)),
        )


@contextmanager
def fuzzed_server(folder: Path) -> Iterator[FuzzedServer]:
    """A fresh installation in a folder."""
    with api_server(folder) as server:
        yield FuzzedServer(server)


def _configuration(document: dict[str, Any]) -> Iterator[str]:
    yield f"color = false\nhooks = {json.dumps(str(_HOOKS))}\n"
    yield '[headers]\nAuthorization = "Bearer ${API_TOKEN}"\n'
    yield f"[checks.negative_data_rejection]\nexpected-statuses = {json.dumps([str(each) for each in _REFUSALS])}\n"
    for item in document["paths"].values():
        for operation in item.values():
            statuses = json.dumps(sorted({*_BEYOND_THE_FORM, *refusals_beyond_the_form(operation)}))
            yield f"[[operations]]\ninclude-operation-id = {json.dumps(operation['operationId'])}\n"
            yield f"checks.positive_data_acceptance.expected-statuses = {statuses}\n"


def refusals_beyond_the_form(operation: dict[str, Any]) -> Iterator[str]:
    """Statuses with which even a request of the right form may be refused, as the document says by its codes."""
    if "If-Match" in {parameter["name"] for parameter in operation["parameters"]}:
        yield "428"
    for status in ("400", "422"):
        described = operation["responses"].get(status, {}).get("description", "")
        if set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", described)) - _OF_THE_FORM:
            yield status
