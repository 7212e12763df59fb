"""A short run of ``scripts/fuzz-requests``; docs/fuzzing.md holds the long ones."""

from tests.fuzz import requests as request_fuzz
from tests.fuzz.requests import FuzzedServer
from tests.support.lengths import examples


def test_a_short_run(server: FuzzedServer) -> None:
    count = examples(all=2000, quick=1000, campaign=5000)
    found = [(outcome, recognised) for outcome, recognised, _ in request_fuzz.run(server, count, seed=20261121)]
    assert len(found) == count
    assert {outcome for outcome, _ in found} >= {"200", "400", "404", "414", "417", "501", "waits", "200 200"}
    assert sum(recognised for _, recognised in found) > count // 50, "the quick way is reached"


def test_every_seed_has_its_outcome(server: FuzzedServer) -> None:
    # 202 where the device was heard before
    outcomes = [server.outcome([seed]).replace("202", "201") for seed in request_fuzz.seeds(server.digest)]
    assert outcomes == [
        *("200", "200", "200", "200", "200", "200", "200 200", "200 200", "400", "404", "200 404", "400"),
        *("404", "200 404", "201", "404", "404", "404"),
    ]
