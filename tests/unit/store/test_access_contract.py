"""The contract of the part of ``store.interface`` that holds people and tokens, on every database."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.errors import Conflict, NotFound, Refused
from engage_server.records import (
    AccessToken,
    ActTerms,
    AnchorRole,
    AuditAction,
    AuditEvent,
    Grant,
    Host,
    KeyedRequest,
    Person,
    PersonState,
    Role,
    Secret,
    SignIn,
    Site,
)
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER
from tests.support.path_events import at
from tests.support.stored import audit_events

ANNA = Person("anna", Grant(Role.ADMIN), PersonState.INVITED, "", "", NOW)
BERT = Person("bert", Grant(Role.OPERATOR, frozenset({"depot", "main"})), PersonState.ACTIVE, "hash", "iss|7", NOW)
TOKEN = AccessToken("a1b2c3d4e5f6", "ci", "anna", Grant(Role.OPERATOR, frozenset({"main"})), "d" * 64, NOW, at(60))
FIRST = SignIn("1" * 64, "bert", NOW, NOW, "10.0.0.1")


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


class TestPeople:
    """People, invitations and sessions."""

    def test_people_come_back_as_they_were(self, store: SqlStore, event: AuditEvent) -> None:
        for person in (BERT, ANNA):
            store.add_person(person, event)
        assert store.people() == [ANNA, BERT]
        assert store.person("bert") == store.person_of_subject("iss|7") == BERT
        assert store.person("nobody") is store.person_of_subject("iss|8") is None
        with pytest.raises(Conflict, match="already a person 'anna'"):
            store.add_person(ANNA, event)
        assert len(audit_events(store)) == 2

    def test_a_change_may_end_all_sessions(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_person(BERT, event)
        store.add_sign_in(FIRST, event)
        changed = replace(BERT, grant=Grant(Role.VIEWER), seen_at=NOW)
        store.change_person(changed, event, ends_sign_ins=False)
        assert store.people() == [changed]
        assert store.sign_in(FIRST.digest) == FIRST
        store.change_person(BERT, event, ends_sign_ins=True)
        assert store.sign_in(FIRST.digest) is None
        with pytest.raises(NotFound):
            store.change_person(ANNA, event, ends_sign_ins=True)

    def test_who_is_removed_is_gone_with_everything(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_person(BERT, event)
        store.add_sign_in(FIRST, event)
        store.add_invitation("i" * 64, "bert", at(10))
        store.remove_person("bert", event)
        assert store.people() == []
        assert store.sign_ins("bert") == []
        with pytest.raises(NotFound, match="no person 'bert'"):
            store.remove_person("bert", event)

    def test_a_link_works_once_and_in_time(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_person(ANNA, event)
        store.add_invitation("old" * 20, "anna", at(10))
        store.add_invitation("new" * 20, "anna", at(10))
        assert store.invited("old" * 20, NOW) is None, "a new link ends the earlier ones"
        assert store.invited("new" * 20, at(9)) == "anna"
        assert store.invited("new" * 20, at(10)) is None
        active = replace(ANNA, state=PersonState.ACTIVE, password_hash="hash")
        assert not store.use_invitation("new" * 20, at(11), active, event)
        assert not store.use_invitation("new" * 20, at(1), BERT, event)
        assert store.use_invitation("new" * 20, at(1), active, event)
        assert not store.use_invitation("new" * 20, at(1), active, event)
        assert store.people() == [active]

    def test_sessions_are_found_touched_ended_and_forgotten(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_person(BERT, event)
        second = SignIn("2" * 64, "bert", at(30), at(30), "10.0.0.2")
        for each in (FIRST, second):
            store.add_sign_in(each, event)
        assert store.people()[0].seen_at == at(30)
        assert store.sign_ins("bert") == [FIRST, second]
        store.touch_sign_in(FIRST.digest, at(5))
        found = store.sign_in(FIRST.digest)
        assert found is not None
        assert found.seen_at == at(5)
        assert store.forget_sign_ins(at(6), at(-1)) == 1
        assert store.forget_sign_ins(at(0), at(31)) == 1
        store.add_sign_in(FIRST, event)
        store.end_sign_in(FIRST.digest)
        assert store.sign_in(FIRST.digest) is None

    def test_a_hash_is_exchanged_only_for_the_known_one(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_person(BERT, event)
        assert store.set_password_hash("bert", "hash", "stronger")
        assert not store.set_password_hash("bert", "hash", "other")
        assert store.people()[0].password_hash == "stronger"

    def test_a_password_is_exchanged_with_all_that_the_old_one_opened(self, store: SqlStore, event: AuditEvent) -> None:
        """Nothing else of the person changes: an admin may lock them at the same moment."""
        store.add_person(BERT, event)
        second = replace(FIRST, digest="2" * 64)
        for each in (FIRST, second):
            store.add_sign_in(each, event)
        store.add_invitation("3" * 64, "bert", at(60))
        store.change_person(replace(BERT, state=PersonState.LOCKED), event, ends_sign_ins=False)
        entries = len(audit_events(store))
        assert not store.change_password("bert", ("another", "new"), event, second.digest)
        assert not store.change_password("nobody", ("hash", "new"), event, second.digest)
        assert store.sign_ins("bert") == [FIRST, second]
        assert store.invited("3" * 64, NOW) == "bert"
        assert len(audit_events(store)) == entries
        assert store.change_password("bert", ("hash", "new"), event, second.digest)
        found = store.person("bert")
        assert found is not None
        assert (found.password_hash, found.state) == ("new", PersonState.LOCKED)
        assert store.sign_ins("bert") == [second]
        assert store.invited("3" * 64, NOW) is None
        assert len(audit_events(store)) == entries + 1

    def test_no_print_shows_a_hash(self) -> None:
        assert "hash" not in repr(BERT)
        assert "d" * 10 not in repr(TOKEN)


class TestAttempts:
    """Failed sign-ins."""

    def test_they_are_counted_and_forgotten(self, store: SqlStore) -> None:
        assert store.failures("a") is None
        assert [store.note_failure("a", at(minute), at(-60)) for minute in range(3)] == [1, 2, 3]
        assert store.failures("a") == (3, at(2))
        assert store.note_failure("a", at(100), at(50)) == 1, "the last one was too long ago"
        store.forget_failures("a")
        assert store.failures("a") is None
        store.note_failure("b", at(1), at(0))
        store.forget_old_failures(at(1))
        assert store.failures("b") == (1, at(1))
        store.forget_old_failures(at(2))
        assert store.failures("b") is None

    def test_many_at_once_are_all_counted(self, store: SqlStore) -> None:
        counts: list[int] = []
        threads = [
            threading.Thread(target=lambda: counts.extend(store.note_failure("a", NOW, at(-9)) for _ in range(5)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == list(range(1, 21))


class TestTokens:
    """Tokens of other systems."""

    def test_tokens_come_back_as_they_were(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_access_token(TOKEN, event)
        other = replace(TOKEN, number="0" * 12, name="monitor", grant=Grant(Role.VIEWER))
        store.add_access_token(other, event)
        assert store.access_tokens() == [TOKEN, other]
        assert store.access_token(TOKEN.number) == TOKEN
        assert store.access_token("f" * 12) is None
        with pytest.raises(Conflict, match="already a token 'ci'"):
            store.add_access_token(replace(TOKEN, number="1" * 12), event)

    def test_a_token_is_revoked_once(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_access_token(TOKEN, event)
        store.note_token_used(TOKEN.number, at(3))
        store.revoke_access_token("ci", at(5), event)
        assert store.access_tokens() == [replace(TOKEN, used_at=at(3), revoked_at=at(5))]
        with pytest.raises(Conflict, match="revoked already"):
            store.revoke_access_token("ci", at(6), event)
        with pytest.raises(NotFound, match="no token 'other'"):
            store.revoke_access_token("other", at(6), event)

    @pytest.mark.parametrize(
        ("after", "revoked"),
        [
            (BERT, ()),
            (replace(BERT, grant=Grant(Role.APPROVER)), ()),
            (replace(BERT, grant=Grant(Role.OPERATOR, frozenset({"main"}))), ("depot",)),
            (replace(BERT, grant=Grant(Role.VIEWER)), ("depot", "main")),
            (replace(BERT, state=PersonState.INVITED), ()),
            (replace(BERT, state=PersonState.LOCKED), ("depot", "looks", "main")),
            (None, ("depot", "looks", "main")),
        ],
    )
    def test_no_token_outlives_what_its_maker_may(
        self, store: SqlStore, event: AuditEvent, after: Person | None, revoked: tuple[str, ...]
    ) -> None:
        store.add_person(BERT, event)
        made = replace(TOKEN, maker="bert", person="bert", grant=Grant(Role.OPERATOR, frozenset({"main"})))
        everywhere = Grant(Role.OPERATOR, frozenset({"main", "depot"}))
        looks = Grant(Role.VIEWER, frozenset({"main"}))
        for number, (name, grant) in enumerate((("main", made.grant), ("depot", everywhere), ("looks", looks))):
            store.add_access_token(replace(made, number=f"{number:012}", name=name, grant=grant), event)
        # the command line's, by an account of the same name
        store.add_access_token(replace(TOKEN, maker="bert", grant=Grant(Role.ADMIN)), event)
        before = len(audit_events(store))
        if after is None:
            store.remove_person("bert", event)
        else:
            store.change_person(after, event, ends_sign_ins=True)
        found = {each.name: each.revoked_at for each in store.access_tokens() if each.revoked_at}
        assert found == dict.fromkeys(revoked, event.at)
        told = audit_events(store)[before + 1 :]
        assert [(each.action, each.facts["token"], each.actor) for each in told] == [
            (AuditAction.TOKEN_REVOKED, name, event.actor) for name in revoked
        ]

    @pytest.mark.parametrize(
        "maker",
        [None, replace(BERT, state=PersonState.LOCKED), replace(BERT, grant=Grant(Role.VIEWER))],
        ids=["gone", "locked", "lowered"],
    )
    def test_whoever_was_lowered_meanwhile_makes_no_token(
        self, store: SqlStore, event: AuditEvent, maker: Person | None
    ) -> None:
        if maker is not None:
            store.add_person(maker, event)
        before = len(audit_events(store))
        with pytest.raises(Refused, match="more than its maker"):
            store.add_access_token(replace(TOKEN, person="bert"), event)
        assert (store.access_tokens(), len(audit_events(store))) == ([], before)

    def test_a_token_is_usable_until_its_end(self) -> None:
        assert TOKEN.is_usable(TOKEN.ends_at - timedelta(seconds=1))
        assert not TOKEN.is_usable(TOKEN.ends_at)
        assert not replace(TOKEN, revoked_at=NOW).is_usable(NOW)


class TestSitesOfRoles:
    """Roles are kept by the name of their site, and another site may get that name."""

    @pytest.fixture
    def roles(self, store: SqlStore, event: AuditEvent) -> SqlStore:
        """Of one person and one token, at a site that exists."""
        site = Site("main", (Host("main.example"),), AnchorRole.ROOT, False, (), NOW)
        store.add_site(site, Secret(bytes(range(32))), event)
        store.add_person(BERT, event)
        store.add_access_token(TOKEN, event)
        store.add_person(ANNA, event)
        return store

    def sites(self, store: SqlStore) -> list[frozenset[str] | None]:
        of_people = [each.grant.sites for each in store.people()]
        return of_people + [each.grant.sites for each in store.access_tokens()]

    def test_they_follow_a_site_that_is_renamed(self, roles: SqlStore, event: AuditEvent) -> None:
        roles.rename_site("main", "nord", event)
        assert self.sites(roles) == [None, frozenset({"depot", "nord"}), frozenset({"nord"})]
        assert audit_events(roles)[-1].facts == {**event.facts, "people": "1", "tokens": "1"}

    def test_they_end_with_a_site_that_is_removed(self, roles: SqlStore, event: AuditEvent) -> None:
        roles.remove_site("main", event)
        assert self.sites(roles) == [None, frozenset({"depot"}), frozenset()]
        assert not Grant(Role.OPERATOR, frozenset()).holds_at("main")


class TestTermsOfActs:
    """What must hold in the transaction of an act, whatever was compared before it."""

    @pytest.fixture
    def site(self, store: SqlStore, event: AuditEvent) -> Site:
        """That was added, which is its first version."""
        site = Site("main", (Host("main.example"),), AnchorRole.ROOT, False, (), NOW)
        store.add_site(site, Secret(bytes(range(32))), replace(event, action=AuditAction.SITE_ADDED, site="main"))
        return site

    def change(self, store: SqlStore, site: Site, title: str, terms: ActTerms) -> None:
        store.change_site(
            replace(site, title=title), AuditEvent(NOW, "ci", AuditAction.SITE_CHANGED, "main", terms=terms)
        )

    def test_nothing_is_done_on_what_has_changed(self, store: SqlStore, site: Site) -> None:
        seen = store.site_version("main")
        assert seen > 0
        terms = ActTerms(AuditAction.SITE_CHANGED, seen)
        self.change(store, site, "one", terms)
        assert store.site_version("main") > seen
        with pytest.raises(Conflict) as refused:
            self.change(store, site, "two", terms)
        assert refused.value.code == "precondition.failed"
        assert store.site("main").title == "one"
        self.change(store, site, "three", ActTerms(AuditAction.SITE_CHANGED))
        assert store.site("main").title == "three"

    def test_a_request_is_kept_with_its_effect_or_not_at_all(self, store: SqlStore, site: Site) -> None:
        request = KeyedRequest("d" * 64, "b" * 64)
        terms = ActTerms(AuditAction.SITE_CHANGED, request=request)
        assert store.kept_request(request.digest, NOW) is None
        self.change(store, site, "one", terms)
        kept = store.kept_request(request.digest, NOW)
        assert kept is not None
        assert (kept[0], kept[1].event.action) == (request.body, AuditAction.SITE_CHANGED)
        with pytest.raises(Conflict) as refused:
            self.change(store, site, "two", terms)
        assert refused.value.code == "idempotency.done"
        assert store.site("main").title == "one"
        assert store.kept_request(request.digest, at(25 * 60)) is None, "a day is over"
