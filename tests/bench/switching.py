"""``scripts/bench-switch``: how far apart workers begin to serve a release, and what devices meet meanwhile.

Each way runs on SQLite and on PostgreSQL, with two workers for each listener: workers that agree on a moment (the
default), and workers that do not (``activation_wait_seconds`` 0, the way of before). First activations one after the
other: each worker reports when it switched, and the spread is the last minus the first. Then clients at full pace, from
outside: a notice, a handshake, a notice again. A handshake is wrong if its chain is of neither notice's release. On
PostgreSQL a second host on this machine is then added: its processes measure the database's clock by themselves.
"""

import argparse
import shutil
import socket
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from engage_server.pki.encodings import der, read_certificates
from engage_server.protocol.notice import digest_of
from engage_server.records import LIVE_WITHIN, WorkerStatus
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.bench.report import clean_up_when_terminated, percentile, progress, progress_ends, row, say, write_json
from tests.support.following import GET, new_chain, stage
from tests.support.installation import make_installation
from tests.support.postgresql import postgres_server
from tests.support.running import RunningPair, engage, eventually, ok, running_pair

WAYS = {"together": ("1.2", 1), "each alone": ("0", 1), "two hosts": ("1.2", 2)}  # activation_wait_seconds, hosts
_WIDTHS = (-12, -11, 13, 13, 15, 12, 8)
_CLIENTS = 2
_PAUSE_SECONDS = 1.5  # between two changes


@dataclass
class Met:
    """What one client met.

    Attributes:
        handshakes: How many it finished.
        wrong: Those whose chain is of another release than the notice before it and the one after it.
    """

    handshakes: int = 0
    wrong: int = 0


@dataclass
class Figures:
    """Of one way on one database. All times are in milliseconds."""

    spreads: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    met: list[Met] = field(default_factory=list)


class Releases:
    """Tells by a notice or a server certificate which release it is of."""

    def __init__(self, chains: Mapping[int, Path]) -> None:
        self._digests = {digest_of((path / "partner_CA.der").read_bytes()): number for number, path in chains.items()}
        self._leaves = {
            der(read_certificates((path / "partner_server.pem").read_bytes(), source="chain")[0]): number
            for number, path in chains.items()
        }

    def of_notice(self, answer: bytes) -> int:
        """The release of a notice."""
        return self._digests[answer.partition(b"/certificates/")[2].partition(b".der")[0].decode()]

    def of_leaf(self, leaf: bytes | None) -> int:
        """The release of a server certificate."""
        return self._leaves[leaf or b""]


def meet(pair: RunningPair, releases: Releases, met: Met, ends: threading.Event) -> None:
    """Call as devices do, at full pace, until the end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = releases.of_notice(pair.raw_http(GET))
    while not ends.is_set():
        with (
            socket.create_connection(("127.0.0.1", pair.https_port), timeout=30) as raw,
            context.wrap_socket(raw) as connection,
        ):
            release = releases.of_leaf(connection.getpeercert(binary_form=True))
        after = releases.of_notice(pair.raw_http(GET))
        met.handshakes += 1
        met.wrong += release not in (before, after)
        before = after


class Trial:
    """One pair on one database.

    Args:
        pair: The pair.
        environment: Of its commands.
        store: Its database.
    """

    def __init__(self, pair: RunningPair, environment: Mapping[str, str], store: SqlStore) -> None:
        self._pair, self._environment, self._store = pair, environment, store
        self._at = 1

    def next(self) -> float:
        """Activate the other release; when that was announced, by the database's clock."""
        self._at = 3 - self._at
        ok(engage(self._pair.folder, "release", "activate", self._at, stdin=None, **self._environment))
        return self._store.look().switches[0].announced_at.timestamp()

    def workers(self) -> list[WorkerStatus]:
        """Those that serve devices, once all serve the release."""
        eventually(lambda: {each.served.get("main") for each in self._devices()} == {self._at}, "all serve it")
        return self._devices()

    def _devices(self) -> list[WorkerStatus]:
        return [each for each in self._store.workers(LIVE_WITHIN) if each.listener != "operators"]


def measured(trial: Trial, pair: RunningPair, releases: Releases, rounds: int, changes: int) -> Figures:
    """Both measurements with one running pair."""
    figures = Figures()
    for _ in range(rounds):
        announced = trial.next()
        at = [each.switched_at.timestamp() for each in trial.workers() if each.switched_at]
        figures.spreads.append((max(at) - min(at)) * 1000)
        figures.after.append((max(at) - announced) * 1000)
        time.sleep(0.3)
    ends = threading.Event()
    figures.met = [Met() for _ in range(_CLIENTS)]
    clients = [threading.Thread(target=meet, args=(pair, releases, met, ends)) for met in figures.met]
    for client in clients:
        client.start()
    for _ in range(changes):
        time.sleep(_PAUSE_SECONDS)
        trial.next()
    time.sleep(_PAUSE_SECONDS * 2)
    ends.set()
    for client in clients:
        client.join()
    return figures


@contextmanager
def trials(database_url: str, wait: str, hosts: int) -> Iterator[tuple[Trial, RunningPair, Releases]]:
    """A pair with two releases, and two workers for each listener; with others beside it on the same database."""
    environment = {"ENGAGE_DATABASE_URL": database_url} if database_url else {}
    with tempfile.TemporaryDirectory(prefix="engage-switch") as folder:
        installation = make_installation(Path(folder), **environment)
        chains = {1: installation / "certs" / "main", 2: new_chain(installation, "next")}
        assert stage(installation, chains[2], **environment) == 2
        store = SqlStore(open_engine(database_url or f"sqlite:///{installation}/data/engage.db"), None)
        with ExitStack() as stack:
            for number in range(1, hosts):
                further = Path(shutil.copytree(installation, installation / f"host{number}"))
                start = running_pair(further, "--workers", "2", ENGAGE_ACTIVATION_WAIT_SECONDS=wait, **environment)
                stack.enter_context(start)
            start = running_pair(installation, "--workers", "2", ENGAGE_ACTIVATION_WAIT_SECONDS=wait, **environment)
            pair = stack.enter_context(start)
            eventually(lambda: len(store.workers(timedelta(seconds=5))) == 5 * hosts, "all report")
            yield Trial(pair, environment, store), pair, Releases(chains)
        store.close()


def main() -> None:
    """Measure, and print a line for each way and database."""
    parser = argparse.ArgumentParser(prog="scripts/bench-switch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="activations whose spread is measured")
    parser.add_argument("--changes", type=int, default=9, help="activations under load")
    parser.add_argument("--json", type=Path, help="where all figures go")
    options = parser.parse_args()
    clean_up_when_terminated()
    found: dict[str, Figures] = {}
    columns = ("database", "workers", "spread, med.", "spread, most", "switched, med.", "handshakes", "wrong")
    say(row(columns, _WIDTHS))
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        for database in ("SQLite", "PostgreSQL"):
            for way, (wait, hosts) in WAYS.items():
                if hosts > 1 and database == "SQLite":
                    continue
                progress(f"{database}, {way}")
                url = server.new_database() if database == "PostgreSQL" else ""
                with trials(url, wait, hosts) as (trial, pair, releases):
                    figures = measured(trial, pair, releases, options.rounds, options.changes)
                found[f"{database}, {way}"] = figures
                progress_ends()
                say(row(cells(database, way, figures), _WIDTHS))
    write_json(options.json, {name: vars(figures) for name, figures in found.items()})


def cells(database: str, way: str, figures: Figures) -> tuple[object, ...]:
    """A line of the table."""
    return (
        database,
        way,
        f"{statistics.median(figures.spreads):.1f} ms",
        f"{percentile(figures.spreads, 1):.1f} ms",
        f"{statistics.median(figures.after):.0f} ms",
        sum(met.handshakes for met in figures.met),
        sum(met.wrong for met in figures.met),
    )


if __name__ == "__main__":
    main()
