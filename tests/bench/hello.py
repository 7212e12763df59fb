"""``scripts/bench-hello``: what each kind of TLS hello costs the server, beside the usual one.

A pair of its own on 127.0.0.1 with one worker; one client, one connection at a time; the worker's CPU time by the
kernel's count. All that this machine's OpenSSL can offer is tried: versions, groups, cipher suites, signature
algorithms, key shares that the server must ask for again. The rounds of all kinds are interleaved, and the medians
compared.
"""

import argparse
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.pair import cpu_seconds
from tests.bench.report import clean_up_when_terminated, progress, progress_ends, row, say, write_json
from tests.support.hello_client import Hello, HelloClient, NotOffered
from tests.support.installation import make_installation
from tests.support.running import RunningPair, running_pair

EXAMPLE = "example: scripts/bench-hello --rounds 11 --json hello.json"
DEAREST = 3.0  # times the usual, for all that does not have to stay
_STAYS = "stays"
_SETTLE_SECONDS = 0.03

GROUPS = (
    *("X25519", "P-256", "P-384", "P-521", "X448"),
    *("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"),
    *("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "MLKEM768", "MLKEM1024"),
    *("secp256k1", "secp224r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "sect283k1", "sect571r1"),
    *("brainpoolP256r1tls13", "brainpoolP384r1tls13", "brainpoolP512r1tls13"),
)
SIGNATURES = (
    *("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512", "rsa_pss_pss_sha256", "rsa_pss_pss_sha512"),
    *("RSA+SHA256", "RSA+SHA384", "RSA+SHA512", "RSA+SHA224", "RSA+SHA1", "ECDSA+SHA256", "ed25519", "ed448"),
)
SUITES_1_3 = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
)
NEEDED_GROUPS = {"", "X25519", "P-256", "P-384"}
_ECDHE = "ECDHE-RSA-AES128-GCM-SHA256"  # so that TLS 1.2 does use the group
USUAL = Hello()


@dataclass(frozen=True)
class Kind:
    """One kind of hello.

    Attributes:
        name: For the table.
        hello: What it offers.
        stays: Whether it is accepted whatever it costs, because devices may need it.
    """

    name: str
    hello: Hello
    stays: bool = False


@dataclass
class Price:
    """What came of one kind.

    Attributes:
        kind: Which.
        outcome: ``accepted``, ``refused``, or ``not known`` to this machine's OpenSSL.
        microseconds: The worker's CPU for each handshake, by round.
    """

    kind: Kind
    outcome: str
    microseconds: list[float]

    def times(self, usual: float) -> float:
        """How many times the usual it costs; 0 where it is not accepted."""
        return statistics.median(self.microseconds) / usual if self.microseconds else 0.0

    def is_too_dear(self, usual: float) -> bool:
        """Whether it is accepted, costs too much, and does not have to stay."""
        return self.times(usual) > DEAREST and not self.kind.stays


def kinds(profile: str) -> Iterator[Kind]:
    """All that a hello may choose, one choice at a time."""
    yield Kind("the usual: TLS 1.3, OpenSSL's own lists", USUAL, stays=True)
    is_legacy = profile == "legacy"
    for group in GROUPS:
        yield Kind(f"TLS 1.3, group {group}", Hello(groups=group), group in NEEDED_GROUPS)
        if group not in ("X25519", "P-256"):
            yield Kind(
                f"TLS 1.3, key share {group}, then X25519", Hello(groups=f"{group}:X25519"), group in NEEDED_GROUPS
            )
    yield from (Kind(f"TLS 1.3, {suite}", Hello(ciphers=suite)) for suite in SUITES_1_3)
    yield from (Kind(f"TLS 1.3, signature {each}", Hello(signatures=each)) for each in SIGNATURES)
    for group in GROUPS:
        yield Kind(f"TLS 1.2, group {group}", Hello("TLSv1.2", group, _ECDHE), group in NEEDED_GROUPS)
    for each in SIGNATURES:
        yield Kind(f"TLS 1.2, signature {each}", Hello("TLSv1.2", "", _ECDHE, each))
    for suite in suites():
        yield Kind(f"TLS 1.2, {suite}", Hello("TLSv1.2", "", suite), _may_be_all_that_a_device_has(suite))
    for version in ("TLSv1", "TLSv1.1") if is_legacy else ():
        yield from (Kind(f"{version}, {suite}", Hello(version, "", suite), stays=True) for suite in suites())
        yield from (Kind(f"{version}, group {group}", Hello(version, group), stays=True) for group in GROUPS)


def suites() -> list[str]:
    """Every suite of TLS 1.2 and earlier that this machine's OpenSSL has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [each["name"] for each in context.get_ciphers() if not each["name"].startswith("TLS_")]


def _may_be_all_that_a_device_has(suite: str) -> bool:
    return suite.startswith("AES") and "GCM" not in suite and "CCM" not in suite  # RSA key exchange with AES-CBC


def prices(pair: RunningPair, wanted: list[Kind], rounds: int, handshakes: int) -> list[Price]:
    """Try each kind, then measure those that are accepted, a round of all after a round of all."""
    found, accepted = [], []
    with ExitStack() as stack:
        for kind in wanted:
            price = Price(kind, "accepted", [])
            found.append(price)
            try:
                client = HelloClient(kind.hello)
            except NotOffered:
                price.outcome = "not known"
                continue
            stack.callback(client.close)
            if client.handshake(pair.https_port):
                accepted.append((price, client))
            else:
                price.outcome = "refused"
        for number in range(rounds):
            for price, client in accepted:
                progress(f"round {number + 1} of {rounds}: {price.kind.name}")
                price.microseconds.append(cpu_each(pair, client, handshakes))
    progress_ends()
    return found


def cpu_each(pair: RunningPair, client: HelloClient, handshakes: int) -> float:
    """The TLS worker's CPU for each handshake, in microseconds."""
    pid = pair.workers()[1]
    begun = cpu_seconds(pid)
    for _ in range(handshakes):
        assert client.handshake(pair.https_port)
    time.sleep(_SETTLE_SECONDS)
    return (cpu_seconds(pid) - begun) / handshakes * 1e6


def report(profile: str, found: list[Price]) -> list[Price]:
    """Print a profile's table; those that are too dear."""
    usual = statistics.median(found[0].microseconds)
    say(f"\nprofile {profile}")
    widths = (-46, 10, 8)
    say(row(("hello", "us CPU", "times"), widths))
    for price in sorted(found, key=lambda each: -each.times(usual)):
        if price.microseconds:
            verdict = "TOO DEAR" if price.is_too_dear(usual) else _STAYS if price.times(usual) > DEAREST else ""
            cells = (price.kind.name, f"{statistics.median(price.microseconds):.0f}", f"{price.times(usual):.2f}")
            say(f"{row(cells, widths)}  {verdict}".rstrip())
    for outcome in ("refused", "not known"):
        names = [price.kind.name for price in found if price.outcome == outcome]
        groups = [name for name in names if "group" in name]
        say(f"{outcome}: {len(names)}, among them {'; '.join(groups)}" if groups else f"{outcome}: {len(names)}")
    return [price for price in found if price.is_too_dear(usual)]


def main() -> None:
    """Measure both profiles, print their tables, and say whether something is too dear."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench-hello",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--handshakes", type=int, default=20, metavar="N", help="of each kind in each round")
    parser.add_argument("--profile", choices=["default", "legacy", "both"], default="both")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--unlimited", action="store_true", help="a control: with all groups that OpenSSL itself has")
    options = parser.parse_args()
    clean_up_when_terminated()
    control = {"OPENSSL_CONF": "/dev/null"} if options.unlimited else {}
    profiles = ["default", "legacy"] if options.profile == "both" else [options.profile]
    figures, too_dear = {}, []
    with tempfile.TemporaryDirectory(prefix="engage-hello") as folder:
        make_installation(Path(folder))
        for profile in profiles:
            with running_pair(Path(folder), "--workers", "1", ENGAGE_TLS_PROFILE=profile, **control) as pair:
                found = prices(pair, list(kinds(profile)), options.rounds, options.handshakes)
            too_dear += report(profile, found)
            figures[profile] = [
                {"hello": each.kind.name, "outcome": each.outcome, "microseconds": each.microseconds} for each in found
            ]
    write_json(options.json, figures)
    say(f"\n{len(too_dear)} accepted kinds of hello cost more than {DEAREST:g} times the usual and do not have to stay")
    sys.exit(1 if too_dear else 0)


if __name__ == "__main__":
    main()
