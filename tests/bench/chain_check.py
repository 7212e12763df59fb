"""``scripts/bench-check``: what ``engage chain check`` costs, beside ``openssl verify`` on the same files.

CPU time and greatest memory come from the kernel, of the one process that ran. The chains are all different: same keys,
other names and serial numbers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engage_server.pki import encodings
from engage_server.pki.issuing import authority, profiles
from engage_server.pki.issuing.authority import Issuer
from engage_server.pki.names import subject
from engage_server.records import Host
from tests.support.chains import NOW, good_chain, key

ENGAGE = [sys.executable, "-m", "engage_server", "chain", "check"]


@dataclass(frozen=True)
class Cost:
    """What one process took: CPU seconds, and KiB of memory at most."""

    cpu: float
    memory: int


def cost(command: list[str], folder: Path) -> Cost:
    """Run it; its exit status must be 0."""
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(command, cwd=folder, stdout=nothing)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def write_chains(folder: Path, count: int) -> None:
    """So many chains of three certificates, a file for each."""
    built = good_chain()
    (intermediate,) = built.chain.intermediates
    issuer = Issuer(intermediate, built.intermediate_key)
    for number in range(count):
        host = Host(f"n{number}.example.org")
        server = authority.issue(
            profiles.SERVER,
            subject(host.text),
            key(2).public_key(),
            (intermediate.not_valid_before_utc, NOW.replace(year=NOW.year + 2)),
            issuer,
            (host,),
        )
        pem = encodings.pem([server, intermediate, built.chain.root])
        (folder / f"{number:05}.pem").write_bytes(pem)
    (folder / "root.crt").write_bytes(encodings.pem([built.chain.root]))
    (folder / "middle.crt").write_bytes(encodings.pem([intermediate]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench-check", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engage-bench") as name:
        figures = measured(Path(name), options.rounds, options.chains)
    for what, figure in figures.items():
        print(f"{what:<54}{figure:>10.3f}")  # noqa: T201  # a program's output
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measured(folder: Path, rounds: int, chains: int) -> dict[str, float]:
    """The medians, the two programs in turn."""
    write_chains(folder, chains)
    files = sorted(each.name for each in folder.glob("*.pem"))
    ten_times = folder / "ten-times"
    ten_times.mkdir()
    for number, file in enumerate(files * 10):
        (ten_times / f"{number:06}.pem").hardlink_to(folder / file)
    verify = ["openssl", "verify", "-CAfile", "root.crt", "-untrusted", "middle.crt"]
    ours, one, theirs, empty = [], [], [], []
    for _ in range(rounds):
        ours.append(cost([*ENGAGE, "--format", "json", *files], folder))
        one.append(cost([*ENGAGE, files[0]], folder))
        theirs.append(cost([*verify, *files], folder))
        empty.append(cost([sys.executable, "-c", ""], folder))
    much = cost([*ENGAGE, "--format", "json", ten_times.name], folder)
    cpu, memory = statistics.median(each.cpu for each in ours), statistics.median(each.memory for each in ours)
    start, peer = statistics.median(each.cpu for each in one), statistics.median(each.cpu for each in theirs)
    return {
        f"engage, {chains} chains, ms CPU each": 1000 * (cpu - start) / (chains - 1),
        f"openssl verify, {chains} chains, ms CPU each": 1000 * peer / chains,
        "engage / openssl verify": (cpu - start) / (chains - 1) / (peer / chains),
        "engage, one chain from start to end, s CPU": start,
        "python that does nothing, s CPU": statistics.median(each.cpu for each in empty),
        f"engage, {chains} chains, MiB": memory / 1024,
        f"engage, a folder of {10 * chains} chains, MiB": much.memory / 1024,
        f"engage, a folder of {10 * chains} chains, ms CPU each": 1000 * (much.cpu - start) / (10 * chains - 1),
    }


if __name__ == "__main__":
    main()
