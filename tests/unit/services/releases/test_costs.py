"""What questions about releases cost, as numbers of operations: a private key opened, a certificate parsed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sqlalchemy import update

from engage_server.errors import Refused, SealBroken
from engage_server.pki import encodings, keys
from engage_server.records import Host, RotationWay
from engage_server.services.releases.expiry import ServedExpiries
from engage_server.services.sites.register import new_site_key
from engage_server.store import der_list
from engage_server.store.database.engine import writing
from engage_server.store.release_keys import key_purpose
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import releases
from tests.support.chains import NOW, good_chain
from tests.support.world import World, told_by

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Costs(Counter[str]):
    """How often each of these was done since :meth:`begin`."""

    def begin(self) -> None:
        self.clear()

    def counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self[name] += 1
            self["numbers proved"] += "key" in name and not options.get("unsafe_skip_rsa_key_validation", False)
            return function(*arguments, **options)

        return call


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Costs]:
    costs = Costs()
    for place, name, what in (
        (serialization, "load_pem_private_key", "key read"),
        (x509, "load_der_x509_certificate", "parsed"),
        (x509, "load_pem_x509_certificate", "parsed"),
        (x509, "load_pem_x509_certificates", "parsed"),
        (der_list, "split", "rows"),
    ):
        monkeypatch.setattr(place, name, costs.counted(what, getattr(place, name)))
    # a method of the store, not a function: it gets the store itself
    opened = SqlStore.private_key

    def private_key(store: SqlStore, site: str, number: int) -> Any:
        costs["opened"] += 1
        return opened(store, site, number)

    monkeypatch.setattr(SqlStore, "private_key", private_key)
    yield costs


@pytest.fixture
def site(world: World) -> World:
    world.add_site()
    world.release()
    return world


def put(world: World, number: int, **values: Any) -> None:
    """Change a row behind the services' back, as somebody with the database's password could."""
    with writing(world.store._engine) as connection:
        connection.execute(update(releases).where(releases.c.number == number).values(**values))


class TestPrivateKeys:
    """A question opens none. What goes live is held against the private key itself, once."""

    def test_a_question_opens_none(self, site: World, costs: Costs) -> None:
        costs.begin()
        assert site.releases.check("main", 1, site.occasion).errors == ()
        site.releases.all("main")
        assert (costs["opened"], costs["key read"]) == (0, 0)

    def test_which_release_is_served_reads_no_release(self, site: World, costs: Costs) -> None:
        costs.begin()
        assert site.releases.current("main") == 1
        assert (costs["rows"], costs["parsed"]) == (0, 0)

    def test_an_activation_opens_one_and_does_not_prove_its_numbers_again(self, site: World, costs: Costs) -> None:
        number = site.release(activate=False)
        costs.begin()
        site.releases.activate("main", number, {}, site.occasion)
        assert (costs["opened"], costs["key read"], costs["numbers proved"]) == (1, 1, 0)
        costs.begin()
        site.releases.roll_back("main", {}, "", site.occasion)
        assert (costs["opened"], costs["numbers proved"]) == (1, 0)

    def test_a_rotation_opens_one_for_each_step_and_none_while_it_waits(self, site: World, costs: Costs) -> None:
        for night in range(4):
            site.see(site.finished(1, 1, NOW + night * DAY))
        now = replace(site.occasion, now=NOW + 4 * DAY)
        request = site.request(RotationWay.SERVER_RENEWAL)
        costs.begin()
        site.rotations.start(request, now)
        assert site.releases.current("main") == 2, "its only step is served"
        assert costs["opened"] == 1, "staged with what was read from the folder, opened to go live"
        costs.begin()
        site.rotations.go_on("main", replace(now, now=now.now + HOUR))
        assert (costs["opened"], costs["key read"]) == (0, 0)

    def test_a_release_of_an_earlier_version_is_asked_for_its_key(self, site: World, costs: Costs) -> None:
        put(site, 1, public_key=None)
        costs.begin()
        assert site.releases.check("main", 1, site.occasion).errors == ()
        assert (costs["opened"], costs["numbers proved"]) == (1, 0)


class TestAKeyThatDoesNotBelong:
    """It never goes live, whatever is kept beside it."""

    def sealed(self, world: World, number: int) -> bytes:
        """Another key, sealed by this installation for this release."""
        purpose = key_purpose("main", number)
        return world.store._opened().releases.seal(keys.private_key_pem(good_chain("other").server_key), purpose)

    def test_what_is_kept_is_the_private_keys_own(self, site: World) -> None:
        kept = site.store.release("main", 1).public_key
        private = keys.read_server_key(site.store.private_key("main", 1), source="test")
        assert kept == keys.public_key_der(private.public_key())

    def test_a_changed_private_key_is_found_before_it_is_served(self, site: World) -> None:
        number = site.release(activate=False)
        put(site, number, private_key_sealed=self.sealed(site, number))
        assert site.releases.check("main", number, site.occasion).errors == (), "what is kept beside it still says so"
        with pytest.raises(Refused, match=r"key\.mismatch"):
            site.releases.activate("main", number, {}, site.occasion)
        assert site.releases.current("main") == 1

    def test_a_rotation_does_not_serve_it_either(self, site: World) -> None:
        site.add_site("north", (Host("north.example"),), new_site_key())
        now = replace(site.occasion, now=NOW + DAY)
        site.rotations.start(site.request(RotationWay.SERVER_RENEWAL, after=("north",)), now)
        assert site.releases.current("main") == 1, "it waits for another site"
        put(site, 2, private_key_sealed=self.sealed(site, 2))
        assert "key.mismatch" in " ".join(told_by(site.rotations.approve, "main", "now", now))
        assert site.releases.current("main") == 1

    def test_a_changed_public_key_is_a_finding(self, site: World) -> None:
        put(site, 1, public_key=keys.public_key_der(good_chain("other").server_key.public_key()))
        assert [each.code for each in site.releases.check("main", 1, site.occasion).errors] == ["key.mismatch"]

    def test_a_damaged_private_key_is_found_before_it_is_served(self, site: World) -> None:
        number = site.release(activate=False)
        sealed = self.sealed(site, number)
        put(site, number, private_key_sealed=sealed[:-1] + bytes([sealed[-1] ^ 1]))
        with pytest.raises(SealBroken):
            site.releases.activate("main", number, {}, site.occasion)
        assert site.releases.current("main") == 1


class TestCertificates:
    """The store moves bytes; whoever judges parses, once."""

    def test_the_store_parses_none_and_reads_one_row_for_one_release(self, site: World, costs: Costs) -> None:
        for _ in range(3):
            site.release(activate=False)
        costs.begin()
        release = site.store.release("main", 2)
        assert (costs["rows"], costs["parsed"]) == (1, 0)
        assert site.store.releases("main")[1] == release
        assert (costs["rows"], costs["parsed"]) == (1 + 4, 0)
        costs.begin()
        site.distribution()
        assert costs["parsed"] == 0, "nor does whoever serves"

    def test_a_snapshot_is_parsed_once_however_often_it_is_scraped(self, site: World, costs: Costs) -> None:
        snapshot, expiries = site.distribution().snapshot, ServedExpiries()
        costs.begin()
        first = expiries.of(snapshot)
        assert [each.role for each in first] == ["server", "intermediate", "root"]
        assert costs["parsed"] == 3
        assert all(expiries.of(snapshot) is first for _ in range(9))
        assert costs["parsed"] == 3
        site.release()
        assert expiries.of(site.distribution().snapshot) is not first
        assert costs["parsed"] > 3, "the next release is looked at"


class TestDerList:
    """Certificates one after the other in one column."""

    def test_what_is_joined_comes_apart_as_it_was(self) -> None:
        chain = tuple(map(encodings.der, good_chain().chain))
        short, empty = b"\x30\x02\x05\x00", b"\x30\x00"
        for values in ((), chain, (short, *chain), (*chain, short), (empty, short, empty)):
            assert der_list.split(der_list.joined(values)) == values

    def test_what_is_cut_off_ends_and_is_no_certificate(self) -> None:
        whole = der_list.joined(tuple(map(encodings.der, good_chain().chain)))
        for length in (*range(8), len(whole) - 1):
            parts = der_list.split(whole[:length])
            assert b"".join(parts) == whole[:length]
