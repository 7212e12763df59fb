"""``scripts/bench-links telekom-verify``: the CPU that one signed message costs, beside signxml alone and xmlsec1."""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from signxml.verifier import SignatureConfiguration, XMLVerifier

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.replays import FolderReplays
from engage_server.links.telekom.messages.verifying import verify
from tests.support.signed_messages import NOW, party, signed, trust

GOAL_MS = 1.5  # of CPU, for one strict verification


def milliseconds(act: Callable[[], object], count: int, who: int = resource.RUSAGE_SELF) -> float:
    """The CPU of one act, on the average."""
    act()
    begun = _cpu(who)
    for _ in range(count):
        act()
    return (_cpu(who) - begun) / count * 1000


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def signxml_alone(content: bytes) -> object:
    """The signature, without any of our rules."""
    asked = SignatureConfiguration(expect_references=2, verification_time=NOW)
    return XMLVerifier().verify(
        content, x509_cert=party().certificate, id_attribute="Id", validate_schema=False, expect_config=asked
    )


def xmlsec1(folder: Path, content: bytes) -> Callable[[], object]:
    """A process for each message: it has no other way to be asked."""
    (folder / "message.xml").write_bytes(content)
    (folder / "party.pem").write_bytes(party().certificate.public_bytes(Encoding.PEM))
    ids = ["--id-attr:Id", f"{names.SOAP}:Body", "--id-attr:Id", f"{names.WSU}:Timestamp"]
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", "party.pem", *ids, "message.xml"]
    return lambda: subprocess.run(command, cwd=folder, capture_output=True, check=True)


def main() -> None:
    """Measure, print, and fail above the goal."""
    parser = argparse.ArgumentParser(prog="scripts/bench-links telekom-verify", description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    count = parser.parse_args().messages
    content, whom = signed(), trust()
    ours = milliseconds(lambda: verify(content, whom, NOW), count)
    rows = [
        ("strict verification", ours),
        ("signxml alone, no rules", milliseconds(lambda: signxml_alone(content), count)),
        ("signing", milliseconds(signed, count // 4)),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fresh = iter([signed() for _ in range(count // 4 + 1)])
        rows.insert(1, ("the same, and remembered", milliseconds(_remembered(folder, fresh.__next__), count // 4)))
        if shutil.which("xmlsec1"):
            rows.append(("xmlsec1, a process", milliseconds(xmlsec1(folder, content), 100, resource.RUSAGE_CHILDREN)))
    print(f"{len(content)} bytes, {time.strftime('%Y-%m-%d')}")  # noqa: T201  # a program's output
    for name, found in rows:
        print(f"{name:28} {found:6.2f} ms of CPU")  # noqa: T201
    if ours > GOAL_MS:
        sys.exit(f"the goal is {GOAL_MS} ms")


def _remembered(folder: Path, fresh: Callable[[], bytes]) -> Callable[[], object]:
    replays, whom = FolderReplays(folder / "replays"), trust()
    return lambda: verify(fresh(), whom, NOW, replays)


if __name__ == "__main__":
    main()
