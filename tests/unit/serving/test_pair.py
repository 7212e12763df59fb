"""The supervisor says which instance ended, and what to do."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from engage_server.serving.pair import Instance, Pair

# as our instances do: the supervisor blocks its signals, and a child inherits that
_SERVES = "import signal, time; signal.pthread_sigmask(signal.SIG_SETMASK, []); time.sleep(60)"


def test_an_instance_that_ends_is_named_with_a_next_step() -> None:
    said: list[str] = []
    instances = [
        Instance("http", lambda _given: [sys.executable, "-c", _SERVES]),
        Instance("operators", lambda _given: [sys.executable, "-c", "raise SystemExit(3)"]),
    ]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        assert Pair(instances, when_ready=lambda: None, say=said.append).run() == 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    (sentence,) = said
    assert sentence.startswith("the operators instance ended (status 3): stopping the others\nnext: ")
    assert "ss -ltnp" in sentence


# name, file, seconds: it ends so long after it was asked, and says so in the file
_ENDS_LATE = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[3]))
    with open(sys.argv[2], "a") as file:
        file.write(sys.argv[1] + " ")
    sys.exit()
signal.signal(signal.SIGTERM, end)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
pathlib.Path(sys.argv[2] + sys.argv[1]).touch()
time.sleep(60)
"""


@pytest.mark.parametrize(("ends_last", "order"), [(True, "https operators "), (False, "operators https ")])
def test_what_stores_the_evidence_ends_last(tmp_path: Path, ends_last: bool, order: str) -> None:
    ended = tmp_path / "ended"

    def instance(name: str, seconds: float, *, last: bool = False) -> Instance:
        command = [sys.executable, "-c", _ENDS_LATE, name, str(ended), str(seconds)]
        return Instance(name, lambda _given: command, ends_last=last)

    def ask() -> None:
        while not all((tmp_path / f"ended{name}").exists() for name in ("operators", "https")):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    pair = Pair([instance("operators", 0, last=ends_last), instance("https", 0.3)], when_ready=lambda: None, say=print)
    asking = threading.Thread(target=ask)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        asking.start()
        assert pair.run() == 0
    finally:
        asking.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert ended.read_text() == order
