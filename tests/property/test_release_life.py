"""Any order of stage, activate, roll back, retire and rotate, with a crash at any write: the site stays whole.

The law: whatever was done, and wherever the process ended, exactly one release of a site is current once one ever was;
what it serves is what was staged; a rotation serves what it says; what is asked to go back goes back; the audit log is
whole; and whatever was interrupted can be taken up or undone.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engage_server.errors import Conflict, EngageError, Refused
from engage_server.files import write_new_folder
from engage_server.pki.issuing.succession import AuthorityKeys, succeed
from engage_server.pki.keys import generate_key
from engage_server.protocol.site_key import anchor_hash
from engage_server.records import Occasion, Release, ReleaseState, RotationState, RotationWay
from engage_server.services.chains import building as chain_building
from engage_server.services.chains import folder as chain_folder
from engage_server.services.chains.authority import find_authority
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.distribution.snapshot import take_snapshot
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.rotation.preparation import RotationRequest
from tests.support.chains import NOW, SITE_KEY, good_chain
from tests.support.lengths import examples
from tests.support.world import PORT, World

WRITES = {
    "stage_release",
    "activate_release",
    "roll_back_release",
    "retire_release",
    "add_rotation",
    "add_approval",
    "move_rotation",
    "record_sightings",
}
CHAINS = 5
crashes = st.one_of(st.none(), st.tuples(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4]), st.booleans()))


class Crash(BaseException):
    """The process ends here."""


class Fuse:
    """Ends the process before or after one of the next writes."""

    def __init__(self) -> None:
        self._left: tuple[int, bool] | None = None

    def set(self, crash: tuple[int, bool] | None) -> None:
        self._left = crash

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """The same write, at which the process may end."""

        def guarded(*arguments: Any, **options: Any) -> Any:
            if self._left is None:
                return write(*arguments, **options)
            left, before = self._left
            self._left = (left - 1, before)
            if left == 0 and before:
                raise Crash
            result = write(*arguments, **options)
            if left == 0:
                raise Crash
            return result

        return guarded


class CrashingStore:
    """A store whose every write may be the last thing that the process does."""

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._fuse.around(found) if name in WRITES else found


@cache
def some_keys() -> Iterator[rsa.RSAPrivateKey]:
    """Two dozen keys, over and over: to make one takes longer than all else here."""
    return cycle([generate_key() for _ in range(24)])


class SiteLife(RuleBasedStateMachine):
    """A site in the hands of operators whose machine is not reliable."""

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.world.add_site()
        self.fuse = Fuse()
        self.world.open_on(CrashingStore(self.world.store, self.fuse))
        self.patches = [
            patch.object(chain_folder, "write_new_folder", self.fuse.around(write_new_folder)),
            patch.object(chain_building, "succeed", _with_some_keys(succeed)),
        ]
        for each in self.patches:
            each.start()
        self.hours = 0
        self.staged: dict[int, Release] = {}
        self.was_served = False
        self.rotations = 0

    def teardown(self) -> None:
        for each in self.patches:
            each.stop()
        self.world.close()
        shutil.rmtree(self.folder)

    @property
    def occasion(self) -> Occasion:
        return Occasion("tester", NOW + timedelta(hours=self.hours))

    def releases(self) -> list[Release]:
        return list(self.world.releases.all("main"))

    def current(self) -> Release | None:
        return next((each for each in self.releases() if each.state is ReleaseState.CURRENT), None)

    def attempt(self, act: Callable[[], object], crash: tuple[int, bool] | None) -> bool:
        """Do it; whether it was done to its end. A refusal with a reason is a right answer, and changes nothing."""
        before = self.current(), self.world.store.generation()
        self.fuse.set(crash)
        try:
            act()
        except (Conflict, Refused) as refusal:
            assert refusal.next_step
            if not isinstance(refusal, Refused):
                assert before[0] == self.current(), "who is refused has changed nothing of what is served"
            return False
        except Crash:
            self.reached["crashes"] += 1
            return False
        except EngageError:
            return False
        finally:
            self.fuse.set(None)
        return True

    @initialize(is_served=st.sampled_from([True, True, True, False]))
    def begin(self, is_served: bool) -> None:
        if not is_served:
            return
        for number in (0, 1):
            self.stage(number, None)
        self.activate(1, None)
        for night in range(-3, 1):
            at = NOW + timedelta(days=night)
            self.world.see(*(self.world.finished(device, 1, at) for device in range(5)))

    @rule(number=st.integers(0, CHAINS - 1), crash=crashes)
    def stage(self, number: int, crash: tuple[int, bool] | None) -> None:
        built = good_chain(f"life{number}")
        material = ChainMaterial(built.chain, built.server_key)
        before = self.current()
        self.attempt(lambda: self.world.releases.stage(material, "main", self.occasion), crash)
        assert self.current() == before, "staging never deploys"

    @rule(number=st.integers(1, 8), crash=crashes)
    def activate(self, number: int, crash: tuple[int, bool] | None) -> None:
        done = self.attempt(lambda: self.world.releases.activate("main", number, {}, self.occasion), crash)
        current = self.current()
        assert not done or (current is not None and current.number == number)

    @rule(crash=crashes)
    def roll_back(self, crash: tuple[int, bool] | None) -> None:
        wanted = self.world.store.release_before("main")
        done = self.attempt(lambda: self.world.releases.roll_back("main", {}, "", self.occasion), crash)
        current = self.current()
        if done:
            assert current is not None
            assert current.number == wanted
            assert self.world.store.release_before("main") != wanted

    @rule(number=st.integers(1, 8), crash=crashes)
    def retire(self, number: int, crash: tuple[int, bool] | None) -> None:
        before = self.current()
        self.attempt(lambda: self.world.releases.retire("main", number, "", self.occasion), crash)
        assert self.current() == before

    @rule(way=st.sampled_from(list(RotationWay)), crash=crashes)
    def rotate(self, way: RotationWay, crash: tuple[int, bool] | None) -> None:
        going_on = self.world.rotations.open_rotation("main")
        current = self.current()
        if current is None:
            return
        self.rotations += 1
        chosen = going_on.way if going_on else way
        base = next(e for e in self.releases() if e.number == (going_on.from_release if going_on else current.number))
        request = RotationRequest("main", chosen, self.folder / f"rotation{self.rotations}", self._authority(base))
        self.attempt(lambda: self.world.rotations.start(request, self.occasion), crash)

    def _authority(self, release: Release) -> AuthorityKeys:
        for number in range(CHAINS):
            built = good_chain(f"life{number}")
            if built.chain.root.public_key() == chain_of(release).root.public_key():
                found = find_authority(self.folder, chain_of(release), None).keys
                own = built.chain.intermediates[0].public_key() == chain_of(release).intermediates[0].public_key()
                return AuthorityKeys(built.root_key, built.intermediate_key if own else found.intermediate)
        return find_authority(self.folder, chain_of(release), None).keys

    @rule(hours=st.sampled_from([1, 12, 30, 80]), come=st.sampled_from([0, 3, 5, 5]), crash=crashes)
    def a_night(self, hours: int, come: int, crash: tuple[int, bool] | None) -> None:
        self.hours += hours
        current = self.current()
        if come and current is not None:
            at = NOW + timedelta(hours=self.hours)
            self.world.see(*(self.world.finished(device, current.number, at) for device in range(come)))
        self.attempt(lambda: self.world.rotations.go_on("main", self.occasion), crash)

    @rule(come=st.sampled_from([5, 5, 0]), crash=crashes)
    def some_nights(self, come: int, crash: tuple[int, bool] | None) -> None:
        """All devices come for some nights, so that a rotation gets to its end; or none does, so that it turns back."""
        for _ in range(4):
            self.a_night(30, come, crash)

    @rule(crash=crashes)
    def approve(self, crash: tuple[int, bool] | None) -> None:
        if self.world.rotations.open_rotation("main") is not None:
            self.attempt(lambda: self.world.rotations.approve("main", "tried", self.occasion), crash)

    @rule(crash=crashes)
    def abort(self, crash: tuple[int, bool] | None) -> None:
        going_on = self.world.rotations.open_rotation("main")
        if going_on is None:
            return
        if self.attempt(lambda: self.world.rotations.abort("main", "tried", self.occasion), crash) and going_on.step:
            current = self.current()
            assert current is not None
            assert current.number == going_on.from_release, "back as one unit"

    @invariant()
    def one_is_current(self) -> None:
        current = [each for each in self.releases() if each.state is ReleaseState.CURRENT]
        self.was_served = self.was_served or bool(current)
        assert len(current) == int(self.was_served)
        assert all(each.key_destroyed_at is None for each in current)

    @invariant()
    def releases_never_change(self) -> None:
        for release in self.releases():
            first = self.staged.setdefault(release.number, release)
            assert (release.anchor_der, release.anchor_hash, release.chain, release.root_der) == (
                first.anchor_der,
                first.anchor_hash,
                first.chain,
                first.root_der,
            )
        assert [each.number for each in self.releases()] == list(range(1, len(self.staged) + 1))

    @invariant()
    def a_rotation_serves_what_it_says(self) -> None:
        self.reached.update({f"rotation {each.state}" for each in self.world.rotations.all("main")})
        going_on = self.world.rotations.open_rotation("main")
        current = self.current()
        if going_on is not None and going_on.step:
            assert current is not None
            assert current.number == going_on.served
            assert going_on.state in (RotationState.RUNNING, RotationState.HELD)

    @invariant()
    def what_is_served_is_one_unit(self) -> None:
        snapshot = take_snapshot(self.world.store, PORT, with_private_keys=True)
        current = self.current()
        assert [each.number for each in snapshot.current.values()] == ([current.number] if current else [])
        for served in snapshot.current.values():
            assert current is not None
            assert current.anchor_hash == anchor_hash(SITE_KEY, current.anchor_der)
            assert current.anchor_hash.encode() in served.notice.content
            assert served.chain == current.chain

    @invariant()
    def the_audit_log_is_whole(self) -> None:
        assert self.world.store.audit_verdict().faults == ()


def _with_some_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    def with_some_keys(*arguments: Any) -> Any:
        return original(*arguments, make_key=lambda: next(some_keys()))

    return with_some_keys


def test_any_order_and_any_crash() -> None:
    run_state_machine_as_test(
        SiteLife,
        settings=settings(
            max_examples=examples(all=30, quick=6, campaign=80),
            stateful_step_count=25,
            deadline=None,
            derandomize=True,  # so that what is reached below is reached every time
            suppress_health_check=list(HealthCheck),
        ),
    )
    # the negative control: what this law is about did happen
    assert SiteLife.reached["crashes"] > examples(all=12, quick=2), SiteLife.reached
    states = {state for state in RotationState if f"rotation {state}" in SiteLife.reached}
    common = {RotationState.PREPARING, RotationState.RUNNING, RotationState.DONE, RotationState.ABORTED}
    # a few runs may draw no rotation at all: then the next test is the control, without chance
    assert len(states & common) >= examples(all=4, quick=0), SiteLife.reached


@pytest.mark.parametrize("ends", [RotationState.DONE, RotationState.ABORTED])
def test_a_rotation_with_a_crash_at_each_write(ends: RotationState) -> None:
    """The same machine without chance: whatever the runs above draw, a rotation gets to both of its ends."""
    life = SiteLife()
    before = life.reached["crashes"]
    seen: set[RotationState] = set()
    try:
        life.begin(is_served=True)
        for crash in [*((number, first) for number in range(4) for first in (True, False)), *[None] * 6]:
            if ends not in seen:
                life.rotate(way=RotationWay.LINKED_REKEY, crash=crash)
                _hold(life)
                seen |= _states(life)
                life.a_night(hours=30, come=5, crash=crash)
                life.approve(crash=crash)
                _hold(life)
                seen |= _states(life)
            if ends is RotationState.ABORTED and RotationState.RUNNING in seen:
                life.abort(crash=crash)
                _hold(life)
                seen |= _states(life)
        assert {RotationState.RUNNING, ends} <= seen
        assert life.reached["crashes"] >= before + 4
    finally:
        life.teardown()


def _hold(life: SiteLife) -> None:
    """Every invariant, as the machine's own run asks them after each step."""
    life.one_is_current()
    life.releases_never_change()
    life.a_rotation_serves_what_it_says()
    life.what_is_served_is_one_unit()
    life.the_audit_log_is_whole()


def _states(life: SiteLife) -> set[RotationState]:
    return {each.state for each in life.world.rotations.all("main")}
