"""The supervisor says which instance ended, and what to do."""

import signal
import sys

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
