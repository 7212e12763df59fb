"""The poll over Prism, which judges each request by the contract."""

from pathlib import Path

import pytest

from engage_server.links.sim.polling.host_turns import HostTurns, memory_of
from engage_server.links.sim.polling.memory import from_text
from engage_server.links.sim.polling.poller import AccountPoller, Polled
from tests.support.partner import Got
from tests.support.polling import EVERY, Kept, SetClock, one_link
from tests.support.sim.accounts import Hours, account_at
from tests.support.sim.memory import iccid
from tests.support.sim.prism import prism
from tests.support.sim.relay import Relay

pytestmark = pytest.mark.long("tests/end_to_end/test_sim_poll.py, with an operator that remembers")


def test_a_sim_that_is_suspended_and_active_again(tmp_path: Path) -> None:
    asks = {"reach": "example=data"}

    def prefer(got: Got) -> str:
        return asks["reach"] if got.path.endswith("/reachability") else asks.get("all", "example=active")

    with prism() as port, Relay(port, prefer=prefer) as relay:
        journal, clock = Kept(), SetClock()
        polled = Polled(account_at(tmp_path, relay.url, Hours()), [one_link(1)], EVERY)
        poller = AccountPoller(polled, HostTurns(tmp_path, journal), clock)

        def rounds(**time: float) -> list[str]:
            clock.passes(**time)
            poller.step()
            return journal.kinds

        assert rounds() == ["sim_reachable"]
        assert relay.paths("GET") == [f"/things/{iccid(1)}", f"/things/{iccid(1)}/reachability"]
        relay.states[iccid(1)] = "SUSPENDED"
        assert rounds(minutes=20)[1:] == ["sim_suspended"]
        assert len(relay.paths("GET")) == 3, "the network is not asked about it"
        asks["all"] = "code=429"
        assert rounds(minutes=20)[2:] == []
        assert from_text(memory_of(tmp_path, "jpu")).trouble.startswith("[sim.jpu] GET /things/{iccid}")
        asks.pop("all")
        relay.states[iccid(1)], asks["reach"] = "ACTIVE", "example=none"
        assert rounds(hours=9)[2:] == ["sim_active", "sim_unreachable"]
        assert rounds(hours=1)[4:] == ["sim_unreachable_long"]
        asks["reach"] = "example=data"
        assert rounds(minutes=20)[5:] == ["sim_reachable"]
        assert all(got.body in (b"", None) for got in relay.got if got.method == "GET")
