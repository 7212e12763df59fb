"""The hosts that a release answers for: due when one is missing, and judged by the hosts of then on the way back."""

import pytest

from engage_server.checks import Severity
from engage_server.errors import Refused
from engage_server.pki.issuing.succession import needed_key
from engage_server.records import Host, RotationState, RotationWay
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS
from tests.support.world import World

NEW = Host.parse("doors.example.org")


def change_hosts(world: World, *hosts: Host) -> None:
    world.sites.change(world.store.site("main"), SiteChanges(hosts=hosts), "", world.occasion)


@pytest.fixture
def served(world: World) -> World:
    """A site that serves a release for its hosts."""
    world.add_site("main")
    world.release("main")
    return world


class TestDue:
    def test_a_new_host_is_due_at_once(self, served: World) -> None:
        change_hosts(served, *HOSTS, NEW)
        plan = served.rotations.plan("main", frozenset({"root", "intermediate"}), served.occasion)
        assert plan.situation.unanswered == (NEW,)
        assert plan.recommended is RotationWay.SERVER_RENEWAL
        assert needed_key(plan.recommended, plan.situation.chain) == "intermediate"

    def test_a_removed_host_is_not(self, served: World) -> None:
        change_hosts(served, *HOSTS[1:])
        plan = served.rotations.plan("main", frozenset(), served.occasion)
        assert (plan.situation.unanswered, plan.recommended) == ((), None)

    def test_the_overview_says_so(self, served: World) -> None:
        assert served.overview.look(served.occasion).sites[0].unanswered == ()
        change_hosts(served, NEW)
        (site,) = served.overview.look(served.occasion).sites
        assert (site.unanswered, site.is_due, site.needs_attention) == ((NEW,), True, True)

    def test_the_rotation_answers_for_it(self, served: World) -> None:
        change_hosts(served, *HOSTS, NEW)
        served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
        assert served.overview.look(served.occasion).sites[0].unanswered == ()


class TestTheWayBack:
    def test_a_release_keeps_the_hosts_that_it_was_staged_for(self, served: World) -> None:
        change_hosts(served, NEW)
        assert served.releases.one("main", 1).hosts == HOSTS

    def test_an_abort_goes_back_to_the_hosts_of_then(self, served: World) -> None:
        change_hosts(served, *HOSTS, NEW)
        served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
        assert served.releases.current("main") == 2
        ended = served.rotations.abort("main", "", served.occasion)
        assert (ended.state, served.releases.current("main")) == (RotationState.ABORTED, 1)

    def test_a_roll_back_warns(self, served: World) -> None:
        change_hosts(served, *HOSTS, NEW)
        served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
        served.rotations.abort("main", "", served.occasion, keep=True)
        checked = served.releases.roll_back("main", {}, "", served.occasion)
        assert [(f.code, f.severity) for f in checked.findings if f.code == "san.host_missing"] == [
            ("san.host_missing", Severity.WARNING)
        ]

    def test_forward_it_stays_an_error(self, served: World) -> None:
        number = served.release("main", activate=False)
        change_hosts(served, *HOSTS, NEW)
        with pytest.raises(Refused, match=str(NEW)):
            served.releases.activate("main", number, {}, served.occasion)

    def test_another_error_still_shuts_the_way_back(self, served: World) -> None:
        served.release("main")
        end = chain_of(served.releases.one("main", 1)).server.not_valid_after_utc
        late = served.later(days=(end - served.occasion.now).days + 2)
        with pytest.raises(Refused, match="expired"):
            served.releases.roll_back("main", {}, "", late)

    def test_of_an_earlier_version_nobody_wrote_the_hosts_down(self, served: World) -> None:
        """Then those of today that its certificate is for are taken; where there is none, it stays an error."""
        from sqlalchemy import update

        from engage_server.store.database.engine import writing
        from engage_server.store.tables import releases

        with writing(served.store._engine) as connection:
            connection.execute(update(releases).values(hosts=[]))
        served.release("main")
        change_hosts(served, *HOSTS, NEW)
        served.releases.roll_back("main", {}, "", served.occasion)
        change_hosts(served, *HOSTS)
        served.releases.activate("main", 2, {}, served.occasion)
        change_hosts(served, NEW)
        with pytest.raises(Refused, match=str(NEW)):
            served.releases.roll_back("main", {}, "", served.occasion)
