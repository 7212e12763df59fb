"""Messages of KPN, notifications of Telekom and the poll of SIMs go into one fold, which says how a site's path is."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.links.ingress.call import Call
from engage_server.links.ingress.parts import Parts
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.kpn.answering.ingestion import Ingestion
from engage_server.links.kpn.answering.recent_messages import RecentMessages
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.polling.judging import Seen, judged
from engage_server.links.sim.polling.memory import LinkMemory
from engage_server.links.sim.things import ThingState
from engage_server.links.telekom.ingress_part import read_telekom_part
from engage_server.links.telekom.messages.signing import sign
from engage_server.records import LinkStanding, PathEvent, PathSays
from engage_server.services.site_path.fold import fold
from engage_server.services.site_path.standing import PathState, site_path
from tests.support.chains import NOW
from tests.support.kpn import DEPOT, DEVICE_SECRET, IMEI, FixedTables, KeptEvents, call, pack
from tests.support.signed_messages import NOTIFICATION, soap
from tests.support.signed_messages import NOW as SIGNED_AT
from tests.support.sim.memory import iccid, sims
from tests.support.telekom_links import links_file, parties, write_links

POLLED = SimLink("polled", "depot", "jpu", (iccid(1),), "", "")


@pytest.fixture
def kpn() -> Sequence[PathEvent]:
    """What a device on a KPN SIM reports."""
    journal, tables = KeptEvents(), FixedTables()
    tables.add(IMEI, DEPOT, DEVICE_SECRET)
    Ingestion([DEPOT], journal, tables, RecentMessages()).answer(call(pack(), DEVICE_SECRET), {})
    return journal.events


@pytest.fixture
def telekom(tmp_path: Path) -> Sequence[PathEvent]:
    """What Telekom's portal sends."""
    write_links(tmp_path, SIGNED_AT)
    portal, _ = parties(SIGNED_AT)
    journal = KeptEvents()
    parts = Parts(journal, FileTables(tmp_path, None), tmp_path)
    (route,) = [
        each for each in read_telekom_part(links_file(tmp_path)).routes(parts) if each.path.endswith("/ta/m2madmcl")
    ]
    fields = (("content-type", "text/xml; charset=utf-8"), ("soapaction", '""'))
    body = sign(soap(NOTIFICATION), portal, SIGNED_AT)
    made = Call("POST", route.path, "", fields, body, "192.0.2.7", "127.0.0.1", True, None, SIGNED_AT)
    assert route.answer(made, {}).status == 200
    return journal.events


def polled(state: ThingState) -> Sequence[PathEvent]:
    """What the poll reports of a SIM."""
    (thing,) = sims(1, state)
    return judged(POLLED, LinkMemory(), [Seen(thing.thing, thing)], NOW, timedelta(hours=12)).events


def path_of(*events: Sequence[PathEvent]) -> PathState:
    """What the store then believes of the site."""
    standings: dict[str, LinkStanding] = {}
    for each in events:
        standings.update(fold(standings, each).standings)
    assert {each.site for each in standings.values()} <= {"depot"}
    return site_path(list(standings.values()), NOW).state


def test_each_source_moves_the_path_of_one_site(kpn: Sequence[PathEvent]) -> None:
    suspended = polled(ThingState.SUSPENDED)
    assert path_of(kpn) is PathState.OK
    assert path_of(suspended) is PathState.CUT
    assert path_of(kpn, suspended) is path_of(suspended, kpn) is PathState.CUT


def test_a_notification_of_telekom_is_kept_and_says_nothing_of_the_path(
    telekom: Sequence[PathEvent], kpn: Sequence[PathEvent]
) -> None:
    """Its WSDL is not public, so no state is guessed from its Body: see docs/telekom.md."""
    (event,) = telekom
    assert (event.site, event.kind, event.says) == ("depot", "telekom_notification", PathSays.NOTHING)
    assert path_of(telekom) is PathState.UNKNOWN
    assert path_of(telekom, kpn) is PathState.OK
    assert path_of(polled(ThingState.SUSPENDED), telekom) is PathState.CUT
