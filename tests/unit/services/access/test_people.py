"""People sign in, other systems have tokens, and neither gets more than it should."""

import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from engage_server.errors import Conflict, NotFound, Refused, UsageError
from engage_server.records import Actor, ActorKind, Grant, Occasion, PersonState, Role
from engage_server.services.access.attempts import Attempts, delay
from engage_server.services.access.passwords import MIN_CHARACTERS, Passwords
from engage_server.services.access.people import LINK_GOOD_FOR, People
from engage_server.services.access.sign_ins import IDLE, LONGEST, SignIns
from engage_server.services.access.tokens import Tokens
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.passwords import quick_passwords
from tests.support.stored import audit_events

QUICK = quick_passwords()
PASSWORD = "correct horse battery"
HERE, THERE = "10.0.0.1", "198.51.100.7"
SHELL = Actor("root", ActorKind.COMMAND_LINE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    yield store
    store.close()


@pytest.fixture
def people(store: SqlStore) -> People:
    return People(store, QUICK)


@pytest.fixture
def sign_ins(store: SqlStore) -> SignIns:
    return SignIns(store, QUICK)


def member(people: People, name: str, occasion: Occasion, role: Role = Role.ADMIN) -> None:
    """Somebody with the usual password."""
    people.set_password(people.add(name, Grant(role), occasion), PASSWORD, NOW)


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


class TestPeople:
    """From the link to the removal."""

    def test_a_link_sets_the_password_once(self, people: People, sign_ins: SignIns, occasion: Occasion) -> None:
        secret = people.add(" Anna ", Grant(Role.OPERATOR), occasion)
        assert people.person("ANNA").state is PersonState.INVITED
        invited = people.invited(secret, NOW)
        assert invited is not None
        assert invited.name == "anna"
        with pytest.raises(Refused) as short:
            people.set_password(secret, "x" * (MIN_CHARACTERS - 1), NOW)
        assert code_of(short) == "password.too_short"
        people.set_password(secret, PASSWORD, NOW)
        with pytest.raises(Refused) as used:
            people.set_password(secret, PASSWORD, NOW)
        assert code_of(used) == "link.used"
        assert sign_ins.by_password("Anna", PASSWORD, HERE, NOW).person.name == "anna"

    def test_a_link_ends_after_ten_minutes(self, people: People, occasion: Occasion) -> None:
        secret = people.add("anna", Grant(Role.OPERATOR), occasion)
        with pytest.raises(Refused):
            people.set_password(secret, PASSWORD, NOW + LINK_GOOD_FOR)
        assert people.person("anna").password_hash == ""

    def test_a_reset_ends_everything(self, people: People, sign_ins: SignIns, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        session = sign_ins.by_password("anna", PASSWORD, HERE, NOW).secret
        secret = people.reset("anna", occasion)
        assert sign_ins.actor(session, NOW) is None
        with pytest.raises(Refused):
            sign_ins.by_password("anna", PASSWORD, HERE, NOW)
        people.set_password(secret, "another horse battery", NOW)
        assert sign_ins.by_password("anna", "another horse battery", HERE, NOW).secret

    @pytest.mark.parametrize("name", ["", "a b", "ännchen", "../x", "-a", "a" * 65, "a\n", "root;"])
    def test_a_name_that_cannot_be_used(self, people: People, occasion: Occasion, name: str) -> None:
        with pytest.raises(UsageError):
            people.add(name if name != "a\n" else "a\nb", Grant(Role.VIEWER), occasion)

    def test_the_last_admin_stays(self, people: People, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        member(people, "bert", occasion, Role.OPERATOR)
        people.add("carl", Grant(Role.ADMIN), occasion)  # has set no password yet, so it does not count
        with pytest.raises(Conflict, match="the last admin"):
            people.lock("anna", occasion, may_be_last=False)
        with pytest.raises(Conflict, match="the last admin"):
            people.remove("anna", occasion, may_be_last=False)
        for less in (Grant(Role.OPERATOR), Grant(Role.ADMIN, frozenset({"main"}))):
            with pytest.raises(Conflict, match="the last admin"):
                people.change("anna", less, occasion, may_be_last=False)
        people.change("bert", Grant(Role.ADMIN), occasion, may_be_last=False)
        people.remove("anna", occasion, may_be_last=False)
        people.lock("bert", occasion, may_be_last=True)
        assert [each.name for each in people.all()] == ["bert", "carl"]
        with pytest.raises(NotFound):
            people.person("anna")

    def test_each_act_is_in_the_audit_log_without_a_secret(
        self, people: People, sign_ins: SignIns, store: SqlStore, occasion: Occasion
    ) -> None:
        secret = people.add("anna", Grant(Role.OPERATOR, frozenset({"main"})), occasion)
        people.set_password(secret, PASSWORD, NOW)
        session = sign_ins.by_password("anna", PASSWORD, HERE, NOW).secret
        people.change("anna", Grant(Role.VIEWER), occasion, may_be_last=False)
        people.lock("anna", occasion, may_be_last=False)
        people.remove("anna", occasion, may_be_last=False)
        events = audit_events(store)
        assert [event.action.value for event in events] == [
            *("person:added", "person:password-set", "person:signed-in", "person:changed", "person:locked"),
            "person:removed",
        ]
        assert events[3].before == {"role": "operator", "sites": "main"}
        assert not any(each in repr(events) for each in (secret, session, PASSWORD))


class TestSessions:
    """Sessions end in time, and everywhere."""

    def test_a_session_ends_idle_and_after_a_day_of_work(
        self, people: People, sign_ins: SignIns, occasion: Occasion
    ) -> None:
        member(people, "anna", occasion, Role.OPERATOR)
        secret = sign_ins.by_password("anna", PASSWORD, HERE, NOW).secret
        assert sign_ins.actor(secret, NOW + IDLE) == Actor("anna", ActorKind.PERSON, Grant(Role.OPERATOR))
        assert sign_ins.actor(secret, NOW + 2 * IDLE) is not None, "it was used in between"
        assert sign_ins.actor(secret, NOW + 3 * IDLE + timedelta(seconds=1)) is None
        fresh = sign_ins.by_password("anna", PASSWORD, HERE, NOW).secret
        now = NOW
        while now < NOW + LONGEST:
            assert sign_ins.actor(fresh, now) is not None
            now += IDLE
        assert sign_ins.actor(fresh, NOW + LONGEST + timedelta(seconds=1)) is None

    def test_an_ended_session_and_a_locked_person_are_out_at_once(
        self, people: People, sign_ins: SignIns, store: SqlStore, occasion: Occasion
    ) -> None:
        member(people, "anna", occasion)
        one, other = (sign_ins.by_password("anna", PASSWORD, HERE, NOW).secret for _ in range(2))
        elsewhere = SignIns(store, QUICK)
        sign_ins.end(one)
        assert elsewhere.actor(one, NOW) is None
        assert elsewhere.actor(other, NOW) is not None
        assert len(elsewhere.of("anna")) == 1
        people.lock("anna", occasion, may_be_last=True)
        assert elsewhere.actor(other, NOW) is None
        assert elsewhere.actor("made up", NOW) is None

    def test_only_a_digest_is_stored(
        self, people: People, sign_ins: SignIns, store: SqlStore, tmp_path: Path, occasion: Occasion
    ) -> None:
        member(people, "anna", occasion)
        signed_in = sign_ins.by_password("anna", PASSWORD, HERE, NOW)
        token = Tokens(store).add("ci", Grant(Role.VIEWER), 5, SHELL, occasion)
        store.close()
        content = b"".join(path.read_bytes() for path in tmp_path.glob("engage.db*"))
        for secret in (signed_in.secret, PASSWORD, token, token.split("_")[2]):
            assert secret.encode() not in content
        assert signed_in.secret not in repr(signed_in)

    def test_a_weaker_hash_is_replaced(self, people: People, store: SqlStore, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        before = people.person("anna").password_hash
        stronger = SignIns(store, Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))
        stronger.by_password("anna", PASSWORD, HERE, NOW)
        after = people.person("anna").password_hash
        assert "t=2" in after
        assert after != before
        stronger.by_password("anna", PASSWORD, HERE, NOW)
        assert people.person("anna").password_hash == after

    def test_what_is_over_is_removed(self, people: People, sign_ins: SignIns, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        sign_ins.by_password("anna", PASSWORD, HERE, NOW)
        sign_ins.forget_old(NOW + IDLE)
        assert len(sign_ins.of("anna")) == 1
        sign_ins.forget_old(NOW + IDLE + timedelta(seconds=1))
        assert sign_ins.of("anna") == []


class TestAttempts:
    """Guessing is slow, and nobody is locked out by strangers."""

    def test_an_unknown_name_gets_the_same_answer(self, people: People, sign_ins: SignIns, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        people.add("bert", Grant(Role.ADMIN), occasion)
        told = []
        for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("bert", ""), ("", ""), ("anna", "x" * 5000)):
            with pytest.raises(Refused) as refused:
                sign_ins.by_password(name, password, HERE, NOW)
            told.append((refused.value.sentence, refused.value.next_step, refused.value.code))
        assert len(set(told)) == 1

    def test_an_unknown_name_costs_as_much(self, monkeypatch: pytest.MonkeyPatch) -> None:
        verified: list[str] = []
        real = PasswordHasher.verify

        def counting(self: PasswordHasher, stored: str | bytes, password: str | bytes) -> bool:
            verified.append(str(stored)[:20])
            return real(self, stored, password)

        monkeypatch.setattr(PasswordHasher, "verify", counting)
        stored = QUICK.hashed(PASSWORD)
        assert QUICK.matches(PASSWORD, stored)
        assert not QUICK.matches(PASSWORD, "")
        assert not QUICK.matches(PASSWORD, "no hash at all")
        assert verified[0] == verified[1], "the same parameters"

    @pytest.mark.parametrize("first_is_known", [True, False])
    def test_nobodys_hash_is_made_by_the_first_question_whoever_it_is_about(
        self, monkeypatch: pytest.MonkeyPatch, first_is_known: bool
    ) -> None:
        stored = QUICK.hashed(PASSWORD)
        made: list[str | bytes] = []
        real = PasswordHasher.hash

        def counting(self: PasswordHasher, password: str | bytes) -> str:
            made.append(password)
            return real(self, password)

        monkeypatch.setattr(PasswordHasher, "hash", counting)
        passwords = quick_passwords()
        assert made == [], "a command that checks no password does without"
        assert passwords.matches(PASSWORD, stored if first_is_known else "") is first_is_known
        assert len(made) == 1
        assert passwords.matches(PASSWORD, "" if first_is_known else stored) is not first_is_known
        assert len(made) == 1

    def test_an_address_that_guesses_waits_longer_each_time(self, store: SqlStore) -> None:
        attempts, now = Attempts(store), NOW
        for guess in range(5):
            attempts.begin(f"name{guess}", THERE, now)
        for wait in (1, 2, 4, 8):
            with pytest.raises(Refused, match="too many attempts") as refused:
                attempts.begin("name", THERE, now + timedelta(seconds=wait - 0.6))
            assert code_of(refused) == "sign_in.wait"
            now += timedelta(seconds=wait)
            attempts.begin(f"other{wait}", THERE, now)
        attempts.begin("somebody", HERE, now)

    def test_strangers_cannot_lock_a_name_out(self, people: People, sign_ins: SignIns, occasion: Occasion) -> None:
        member(people, "anna", occasion)
        sign_ins.by_password("anna", PASSWORD, HERE, NOW)
        for stranger in range(40):
            with pytest.raises(Refused):
                sign_ins.by_password("anna", "guess", f"198.51.100.{stranger}", NOW + timedelta(minutes=stranger))
        now = NOW + timedelta(minutes=39, seconds=1)
        again = sign_ins.by_password("anna", PASSWORD, HERE, now)
        assert again.secret, "where she signed in before, she need not wait"
        for stranger in range(40):
            with pytest.raises(Refused):
                sign_ins.by_password("anna", "guess", f"203.0.113.{stranger}", now + timedelta(minutes=1 + stranger))
        later = now + timedelta(minutes=40)
        with pytest.raises(Refused) as refused:
            sign_ins.by_password("anna", PASSWORD, "192.0.2.9", later + timedelta(seconds=1))
        assert code_of(refused) == "sign_in.wait"
        assert sign_ins.by_password("anna", PASSWORD, "192.0.2.9", later + timedelta(seconds=30)).secret

    @given(st.integers(0, 10_000))
    def test_a_delay_never_shrinks_and_has_an_end(self, failures: int) -> None:
        longest = timedelta(minutes=15)
        assert delay(failures, 5, longest) <= delay(failures + 1, 5, longest) <= longest

    def test_many_at_once_do_not_slip_through(self, store: SqlStore) -> None:
        passed: list[int] = []

        def guess() -> None:
            for _ in range(10):
                try:
                    Attempts(store).begin("anna", THERE, NOW)
                except Refused:
                    continue
                passed.append(1)

        threads = [threading.Thread(target=guess) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(passed) <= 5


class TestTokens:
    """Tokens of other systems."""

    def test_a_token_is_its_name_with_its_role(self, store: SqlStore, occasion: Occasion) -> None:
        tokens = Tokens(store)
        grant = Grant(Role.OPERATOR, frozenset({"main"}))
        text = tokens.add("ci", grant, 30, SHELL, occasion)
        assert text.startswith("engage_")
        assert tokens.actor(text, NOW) == Actor("token ci", ActorKind.TOKEN, grant)
        (stored,) = tokens.all()
        assert (stored.used_at, stored.maker, stored.ends_at) == (NOW, "root", NOW + timedelta(days=30))
        tokens.actor(text, NOW + timedelta(minutes=59))
        assert tokens.all()[0].used_at == NOW
        assert text not in repr(audit_events(store))

    def test_it_ends_and_is_revoked(self, store: SqlStore, occasion: Occasion) -> None:
        tokens = Tokens(store)
        text = tokens.add("ci", Grant(Role.VIEWER), 1, SHELL, occasion)
        with pytest.raises(Refused) as ended:
            tokens.actor(text, NOW + timedelta(days=1))
        assert code_of(ended) == "token.ended"
        Tokens(store).revoke("ci", occasion)
        with pytest.raises(Refused) as revoked:
            tokens.actor(text, NOW)
        assert code_of(revoked) == "token.revoked"

    def test_every_other_text_is_refused(self, store: SqlStore, occasion: Occasion) -> None:
        tokens = Tokens(store)
        text = tokens.add("ci", Grant(Role.VIEWER), 1, SHELL, occasion)
        for wrong in ("", "engage_", text[:-1], text + "0", text.upper(), text.replace("engage", "github"), " " + text):
            with pytest.raises(Refused) as refused:
                tokens.actor(wrong, NOW)
            assert code_of(refused) == "token.malformed"
        other = Tokens(store).add("monitor", Grant(Role.ADMIN), 1, SHELL, occasion)
        mixed = "_".join([*text.split("_")[:2], other.split("_")[2]])
        mixed += f"_{zlib.crc32(mixed.removeprefix('engage_').encode()):08x}"
        with pytest.raises(Refused) as wrong_secret:
            tokens.actor(mixed, NOW)
        assert code_of(wrong_secret) == "token.wrong"

    def test_nobody_makes_more_than_they_are(self, people: People, store: SqlStore, occasion: Occasion) -> None:
        tokens = Tokens(store)
        maker = Actor("bert", ActorKind.PERSON, Grant(Role.OPERATOR, frozenset({"main"})))
        people.set_password(people.add("bert", Grant(Role.OPERATOR, frozenset({"main"})), occasion), PASSWORD, NOW)
        tokens.add("less", Grant(Role.VIEWER, frozenset({"main"})), 1, maker, occasion)
        for number, more in enumerate((Grant(Role.APPROVER, frozenset({"main"})), Grant(Role.VIEWER))):
            with pytest.raises(Refused) as refused:
                tokens.add(f"more{number}", more, 1, maker, occasion)
            assert code_of(refused) == "access.role"

    @pytest.mark.parametrize("how", ["lowered", "locked", "removed"])
    def test_a_token_ends_with_what_its_maker_may(
        self, people: People, store: SqlStore, occasion: Occasion, how: str
    ) -> None:
        tokens = Tokens(store)
        member(people, "bert", occasion)
        maker = Actor("bert", ActorKind.PERSON, Grant(Role.ADMIN))
        text = tokens.add("ci", Grant(Role.OPERATOR), 30, maker, occasion)
        kept = tokens.add("cron", Grant(Role.ADMIN), 30, replace(SHELL, name="bert"), occasion)
        assert tokens.actor(text, NOW).grant == Grant(Role.OPERATOR)
        if how == "lowered":
            people.change("bert", Grant(Role.VIEWER), occasion, may_be_last=True)
        elif how == "locked":
            people.lock("bert", occasion, may_be_last=True)
        else:
            people.remove("bert", occasion, may_be_last=True)
        with pytest.raises(Refused) as revoked:
            tokens.actor(text, NOW)
        assert code_of(revoked) == "token.revoked"
        assert tokens.actor(kept, NOW).grant == Grant(Role.ADMIN), "a shell's, on an account of the same name"
        with pytest.raises(Refused) as late:
            tokens.add("late", Grant(Role.OPERATOR), 30, maker, occasion)
        assert code_of(late) == "access.role"

    @pytest.mark.parametrize(("name", "days"), [("", 1), ("a b", 1), ("a" * 65, 1), ("ci", 0), ("ci", 367)])
    def test_what_cannot_be_used(self, store: SqlStore, occasion: Occasion, name: str, days: int) -> None:
        with pytest.raises(UsageError):
            Tokens(store).add(name, Grant(Role.VIEWER), days, SHELL, occasion)
