"""``scripts/fuzz-api``: schemathesis tries the API until it has sent enough requests.

Each seed has a fresh installation.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.api_fuzzing import Verdict, fuzzed_server

_CASES = 100  # to one operation, in one phase of one run


def main() -> None:
    """Run until the count is reached or something is found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-api", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    options = parser.parse_args()
    begun, sent, seed = time.monotonic(), 0, options.seed
    accepted: Counter[str] = Counter()
    while sent < options.count:
        verdict = _run(seed)
        if verdict.failures:
            sys.exit(f"{verdict.output}\nseed {seed}: {verdict.failures} failures")
        sent += verdict.cases
        accepted.update({operation: verdict.accepted(operation) for operation in verdict.report["valid_rates"]})
        _say(f"seed {seed}: {verdict.cases} requests, no failure")
        seed += 1
    _say(f"{sent} requests in {time.monotonic() - begun:.0f} s, seeds {options.seed} to {seed - 1}: no failure")
    for operation, times in sorted(accepted.items()):
        _say(f"  {operation}: {times} valid requests had success")


def _run(seed: int) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="fuzz-api-") as folder, fuzzed_server(Path(folder)) as server:
        return server.tried(seed=seed, cases=_CASES)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
