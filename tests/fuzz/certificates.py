"""``scripts/fuzz``: damaged certificates in every container end in findings or a clear error, and never in a crash."""

import argparse
import random
import resource
import time
import warnings
from collections import Counter
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs7, pkcs12

from engage_server.checks import ChainCase, Circumstances, run_checks
from engage_server.errors import EngageError
from engage_server.pki import encodings, keys
from engage_server.pki.paths.bundle import read_bundle
from engage_server.services.chains.targets import MAX_CERTIFICATES
from tests.support.chains import NOW, good_chain
from tests.support.defects import DEFECTS, case_of


def seeds() -> list[bytes]:
    """Right inputs of every kind, and the whole corpus of defects as PEM and DER."""
    built = good_chain()
    chain = [built.chain.server, *built.chain.intermediates, built.chain.root]
    found = [
        encodings.pem(chain),
        pkcs7.serialize_certificates(chain, Encoding.DER),
        pkcs7.serialize_certificates(chain, Encoding.PEM),
        pkcs12.serialize_key_and_certificates(b"x", built.server_key, chain[0], chain[1:], NoEncryption()),
        keys.private_key_pem(built.server_key).reveal() + encodings.pem(chain),
    ]
    for function, _ in DEFECTS.values():
        path = case_of(function).path
        found += [encodings.pem(path), encodings.der(path[0])]
    return found


def damaged(chance: random.Random, inputs: list[bytes]) -> bytes:
    """One of the inputs with a few octets changed, taken out, put in or repeated."""
    content = bytearray(chance.choice(inputs))
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(content) + 1)
        kind = chance.random()
        if kind < 0.5 and place < len(content):
            content[place] = chance.randrange(256)
        elif kind < 0.7:
            del content[place : place + chance.randint(1, 30)]
        elif kind < 0.85:
            content[place:place] = chance.randbytes(chance.randint(1, 20))
        else:
            content[place:place] = content[chance.randrange(len(content) + 1) :][: chance.randint(1, 400)]
    return bytes(content)


def outcome(content: bytes) -> str:
    """What the reader and the rules make of it. Anything that they raise but our own errors comes through.

    So does each warning of Python's, as an error: none may reach whoever reads a chain.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _outcome(content)


def _outcome(content: bytes) -> str:
    try:
        bundle = read_bundle(content, source="fuzz")
        if not bundle.certificates:
            return "keys alone"
        run_checks(ChainCase.of_certificates(bundle.certificates[:MAX_CERTIFICATES], Circumstances(NOW)))
    except EngageError:
        return "clear error"
    return "findings"


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """The outcome of each input, and the seconds that it took."""
    chance, inputs = random.Random(seed), seeds()  # noqa: S311  # nothing is kept secret with it
    for _ in range(count):
        content = damaged(chance, inputs)
        begun = time.perf_counter()
        found = outcome(content)
        yield found, time.perf_counter() - begun


def main() -> None:
    """Run as many as asked for, and print what came of them."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of cryptography, while the seeds are made
    counted: Counter[str] = Counter()
    worst = 0.0
    for found, seconds in run(options.count, options.seed):
        counted[found] += 1
        worst = max(worst, seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.count} inputs, seed {options.seed}: {dict(counted)}")  # noqa: T201  # a program's output
    print(f"no crash; the slowest took {worst:.2f} s; the process had {memory:.0f} MiB at most")  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
