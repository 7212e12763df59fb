"""``scripts/soak --floods`` and ``--crowd``: what asks for memory, and connections beyond the limits."""

import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.bench.attacks import in_words, show
from tests.bench.report import progress, progress_ends, row, say, write_json
from tests.bench.right_devices import RightDevices
from tests.bench.stage import (
    SMALL,
    AttackProcess,
    Workers,
    one_worker_each,
    prepare,
    raise_descriptor_limit,
    slow_partner,
    target_of,
    wait,
    watched_workers,
)
from tests.support.strangers import Tally

MOST_MEBIBYTES = 300
FLOODS = {"announced ClientHello": (9500, 2), "bodies to a slow partner": (300, 1), "answers not read": (300, 1)}
_WIDTHS = (-28, 8, 8, 6)
_CROWD_PROCESSES = 2
_CROWD_ADDRESSES = 20
_OVER_THE_LIMIT = 100  # connections of each listener: those give way
_SPARE_DESCRIPTORS = 500
_REPORT_SECONDS = 60


def floods(seconds: float, file: Path | None) -> int:
    """Run each flood against processes of its own, and print the most memory of each worker; the exit status."""
    raise_descriptor_limit()
    found: dict[str, tuple[Tally, Workers]] = {}
    with tempfile.TemporaryDirectory(prefix="engage-floods") as folder, slow_partner() as partner:
        prepare(Path(folder), partner)
        say(row(("flood", "http MiB", "TLS MiB", "deaths"), _WIDTHS))
        for name, (held, addresses) in FLOODS.items():
            with (
                one_worker_each(Path(folder)) as pair,
                watched_workers(pair) as workers,
                AttackProcess(name, target_of(pair, held, addresses), seconds) as flood,
            ):
                show(name, seconds)
                did = flood.tally()
            found[name] = did, workers
            cells = (name, *(f"{each:.0f}" for each in workers.peaks.values()), workers.deaths)
            say(f"{row(cells, _WIDTHS)}  {'' if _is_within(did, workers) else 'NO'}".rstrip())
            say(f"    did: {in_words(did)}; {workers.last_words or 'no worker complained'}")
    write_json(file, {name: {"did": dict(did), "workers": asdict(each)} for name, (did, each) in found.items()})
    bad = [name for name, (did, workers) in found.items() if not _is_within(did, workers)]
    say(f"{len(found) - len(bad)} of {len(found)} within {MOST_MEBIBYTES} MiB for each worker")
    return 1 if bad else 0


def _is_within(did: Tally, workers: Workers) -> bool:
    return bool(did) and max(workers.peaks.values()) <= MOST_MEBIBYTES and not workers.deaths


def crowd(count: int, seconds: float, file: Path | None) -> int:
    """Connections that come, give way with events pending, and go, beside right devices; the exit status.

    Args:
        count: How many at once, over both listeners.
        seconds: How long.
        file: Where the figures go as JSON; None for nowhere.
    """
    most = _CROWD_PROCESSES * (raise_descriptor_limit() - _SPARE_DESCRIPTORS)
    if count > most:
        say(f"error: this user may open files for {most} connections\nnext: ask for fewer, or raise 'ulimit -n'")
        return 3
    limit = str(max(16, count // 2 - _OVER_THE_LIMIT))
    limits = {"ENGAGE_MAX_CONNECTIONS": limit, "ENGAGE_MAX_CONNECTIONS_PER_ADDRESS": limit}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-crowd")))
        prepare(folder, stack.enter_context(slow_partner()))
        pair = stack.enter_context(one_worker_each(folder, **limits))
        workers = stack.enter_context(watched_workers(pair))
        devices = stack.enter_context(RightDevices(pair, SMALL))
        target = target_of(pair, count // 2 // _CROWD_PROCESSES, _CROWD_ADDRESSES)
        running = [
            stack.enter_context(AttackProcess("evictions with events pending", target, seconds))
            for _ in range(_CROWD_PROCESSES)
        ]
        _report_now_and_then(seconds, workers)
        did = sum((each.tally() for each in running), Tally())
        gave_way = sum(value for name, value in pair.metrics().items() if 'reason="limit"' in name)
    calls = devices.calls
    say(f"{in_words(did)}; {gave_way:.0f} gave way; {workers.last_words or 'no worker complained'}")
    say(
        f"right calls: {len(calls.all)}, {calls.failed} failed, p50 {calls.at(0.5):.1f} ms, p99 {calls.at(0.99):.1f} ms"
    )
    plain, secure = workers.peaks.values()
    say(f"{workers.deaths} workers died; most memory: plain {plain:.0f} MiB, TLS {secure:.0f} MiB")
    figures = {"did": dict(did), "gave way": gave_way, "milliseconds": calls.milliseconds, "workers": asdict(workers)}
    write_json(file, {**figures, "failures": dict(calls.failures)})
    return 1 if workers.deaths or not did or not gave_way else 0


def _report_now_and_then(seconds: float, workers: Workers) -> None:
    told = seconds
    for left in wait(seconds):
        progress(f"crowd: {left:.0f} s left, {workers.deaths} workers died")
        if told - left >= _REPORT_SECONDS:
            told = left
            say(f"{seconds - left:.0f} s: {workers.deaths} workers died")
    progress_ends()
