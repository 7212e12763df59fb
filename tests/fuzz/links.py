"""``scripts/fuzz-links PARTNER``: damaged messages end in an answer, and none is accepted without proof.

Each partner has a module here with ``run(count, seed)``, which yields the outcome of each message and its seconds.
"""

import argparse
import importlib
import logging
import resource
from collections import Counter

PARTNERS = {"kpn": "tests.fuzz.kpn", "m2u": "tests.fuzz.m2u", "telekom": "tests.fuzz.telekom"}


def main() -> None:
    """Run as many as asked for, and print what came of them."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-links", description=__doc__)
    parser.add_argument("partner", choices=PARTNERS)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable()  # each refusal is a line
    counted: Counter[str] = Counter()
    worst = 0.0
    for found, seconds in importlib.import_module(PARTNERS[options.partner]).run(options.count, options.seed):
        counted[found] += 1
        worst = max(worst, seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.count} messages, seed {options.seed}: {dict(counted)}")  # noqa: T201  # a program's output
    print(  # noqa: T201  # a program's output
        f"no crash, nothing accepted without proof; the slowest took {worst:.2f} s; "
        f"the process had {memory:.0f} MiB at most"
    )


if __name__ == "__main__":
    main()
