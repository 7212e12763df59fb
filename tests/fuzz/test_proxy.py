"""A short run of ``scripts/fuzz-proxy``, and the control: its second reading finds what is wrong."""

from collections import Counter
from pathlib import Path

import pytest

from engage_server.protocol import proxy_protocol
from tests.fuzz import proxy
from tests.support.installation import make_installation
from tests.support.lengths import examples
from tests.support.running import running_pair


def test_damaged_headers_are_read_as_a_second_reading_does() -> None:
    counted = Counter(outcome for outcome, _ in proxy.run(examples(all=8_000, quick=3_000, campaign=20_000), seed=23))
    assert min(counted[each] for each in ("refused", "waits", "local", "passed on")) > 100, counted


def test_a_reader_that_reads_too_far_or_believes_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_protocol, "MOST_BYTES", 600)
    with pytest.raises(AssertionError, match="refused"):
        list(proxy.run(3_000, seed=23))


@pytest.mark.long("the reader alone, above")
def test_listeners_of_a_running_pair_do_the_same(tmp_path: Path) -> None:
    settings = {"ENGAGE_PROXY_PROTOCOL_FROM": f"{proxy.BALANCER}/32"}
    with running_pair(make_installation(tmp_path), "--workers", "1", **settings) as pair:
        counted = Counter(proxy.run_connections(pair, 400, seed=23))
    assert min(counted[each] for each in ("refused", "waits", "local", "passed on")) > 10, counted
