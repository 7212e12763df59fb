"""Rotations: started by an operator, continued as the evidence allows, and resumed after a crash at any point.

Every step is one transaction that changes the rotation and what is served together. The preparation before it - the
folder of chains, the staged releases - is found again when the rotation is resumed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import Conflict, NotFound, Refused
from engage_server.records import (
    AnchorRole,
    AuditAction,
    Occasion,
    Page,
    Rotation,
    RotationState,
)
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.access.approvals import Candidate
from engage_server.services.evidence.pace import Pace, measured_pace
from engage_server.services.releases.confirmation import Confirmations
from engage_server.services.releases.lifecycle import Releases, chain_of
from engage_server.services.rotation.approving import ApprovalSteps
from engage_server.services.rotation.gate.decision import Decision, Verdict, is_unsure
from engage_server.services.rotation.gate.patience import noted
from engage_server.services.rotation.gate.soak import begun
from engage_server.services.rotation.judging import judge
from engage_server.services.rotation.planning.plan import RotationPlan, Situation, keys_for, make_plan
from engage_server.services.rotation.planning.proof import Judge
from engage_server.services.rotation.preparation import RotationRequest, StartSteps
from engage_server.services.rotation.progress import RotationProgress, with_approvals
from engage_server.services.rotation.steps import ATTEMPTS, StepsStore, has_ended
from engage_server.services.site_path.cuts import cut_path


class Rotations(ApprovalSteps, StartSteps):
    """Plans, starts, continues and ends rotations.

    Args:
        store: Holds the rotations.
        releases: Stages and checks releases.
        confirmations: Knows whether the evidence is complete.
        judge_for: Gives the judge for the anchor role that a site distributes.
        throwaway: Gives that many keys for rehearsals. It is called only for plans, because it takes a second.
    """

    def __init__(
        self,
        store: StepsStore,
        releases: Releases,
        confirmations: Confirmations,
        judge_for: Callable[[AnchorRole], Judge],
        throwaway: Callable[[int], Sequence[rsa.RSAPrivateKey]],
    ) -> None:
        super().__init__(store, releases, judge_for)
        self._confirmations = confirmations
        self._throwaway = throwaway

    def plan(
        self, site_name: str, keys_at_hand: frozenset[str], occasion: Occasion, pace: Pace | None = None
    ) -> RotationPlan:
        """Plan the rotations that are due, and try each way on a copy of the chain. Changes nothing.

        Args:
            site_name: The site.
            keys_at_hand: The roles whose private keys are there.
            occasion: When.
            pace: How fast its devices connect. None: it is measured, which reads all of them.

        Raises:
            NotFound: There is no such site, or it serves nothing.
        """
        site = self._store.site(site_name)
        number = self._current(site_name)
        current = self._store.release(site_name, number)
        situation = Situation(
            site=site.name,
            hosts=site.hosts,
            anchor=site.anchor,
            release=number,
            chain=chain_of(current),
            unanswered=self._releases.unanswered_hosts(current),
            now=occasion.now,
            pace=pace or self.pace(site_name),
            keys_at_hand=keys_at_hand,
        )
        return make_plan(situation, self._throwaway(keys_for(situation.chain)), self._judge_for(site.anchor))

    def pace(self, site_name: str) -> Pace:
        """How fast the devices of a site connect, measured from the evidence."""
        number = self._releases.current(site_name)
        return measured_pace(
            self._store, site_name, self._store.release(site_name, number) if number is not None else None
        )

    def open_rotation(self, site_name: str) -> Rotation | None:
        """The open rotation of a site, if there is one."""
        found = self._store.rotations(site_name, only_open=True)
        return found[-1] if found else None

    def all(self, site_name: str | None = None) -> Sequence[Rotation]:
        """All rotations, open and ended, oldest first."""
        return self._store.rotations(site_name)

    def page(self, site_name: str, cursor: str | None, limit: int) -> Page[Rotation]:
        """A page of a site's rotations, newest first.

        Raises:
            NotFound: There is no such site.
            UsageError: The cursor is of another list (``cursor.invalid``).
        """
        return self._store.rotation_page(site_name, cursor, limit)

    def one(self, site_name: str, number: int) -> Rotation:
        """One rotation of a site.

        Raises:
            NotFound: There is no such site, or it has no such rotation.
        """
        return self._store.rotation(site_name, number)

    def start(self, request: RotationRequest, occasion: Occasion, tell: Tell = tell_nobody) -> None:
        """Start a rotation, or resume one that was interrupted.

        Args:
            request: The rotation to start.
            occasion: Who and when.
            tell: Called with each step after it is done.

        Raises:
            NotFound: There is no such site, or it serves nothing.
            Conflict: The site has an open rotation of another way, or somebody else was faster.
            Refused: Only listed devices may count, but the site has no list. Or the chains do not do what the way
                promises, or have errors. Then the rotation has ended.
            NotPossible: A key is missing, or a file or the database cannot be used. Fix that, and start again.
        """
        rotation = self.open_rotation(request.site)
        if rotation is None:
            rotation = self.begin(request, occasion, tell)
        elif rotation.way is not request.way:
            raise Conflict(
                f"site {rotation.site!r} already has an open rotation of another way: {rotation.way}",
                f"Abort it first: engage rotate abort --site {rotation.site}",
                code="rotation.open",
            )
        self.prepare(rotation, request, occasion, tell)
        self.go_on(request.site, occasion, tell)

    def go_on(self, site_name: str, occasion: Occasion, tell: Tell = tell_nobody) -> None:
        """Take the steps that the gate allows now, if any, and report each one.

        Raises:
            Conflict: Somebody else continued the rotation at the same time.
            StoreNotUsable: The database is away.
        """
        while (rotation := self.open_rotation(site_name)) is not None:
            if rotation.state is RotationState.PREPARING:
                return
            after = self._looked(rotation, occasion)
            if after is None:
                return
            if after.unsure_why and not rotation.unsure_why:
                tell(f"nothing is judged until {after.unsure_until:%Y-%m-%d %H:%M} UTC: {after.unsure_why}")
            done = self._move(after, occasion)
            if done is None:
                return
            tell(done)

    def progress(self, rotation: Rotation, occasion: Occasion) -> RotationProgress:
        """How far a rotation is, and the gate's decision."""
        site = self._store.site(rotation.site)
        current = self._releases.current(rotation.site)
        found = RotationProgress(rotation, None, None, not site.device_networks, site.for_trials, current)
        if not rotation.state.is_open or rotation.state is RotationState.PREPARING:
            return found
        path = cut_path(self._store.link_standings(rotation.site), rotation.site, occasion.now)
        found = replace(found, path=path)
        if not rotation.step:
            return with_approvals(found, self._wave(rotation), site.approvals)
        gaps = self._confirmations.gaps()
        adoption, decision = judge(self._store, gaps, rotation, site.evidence, path, occasion.now)
        return with_approvals(replace(found, adoption=adoption), decision, site.approvals)

    def approve(
        self,
        site_name: str,
        reason: str,
        occasion: Occasion,
        tell: Tell = tell_nobody,
        candidate: Candidate | None = None,
        number: int | None = None,
    ) -> None:
        """Approve the next step, whatever the gate says, and report what was done. The audit log keeps who and why.

        The approval stands until the step is taken or the rotation ends, whatever the gate does meanwhile.

        Args:
            site_name: The site.
            reason: The reason for the audit log.
            occasion: Who and when.
            tell: Called with each thing that was done.
            candidate: Who, through which face, and whether alone. None: the occasion's actor, on the command line.
            number: The rotation that is meant. None: whichever is open.

        Raises:
            NotFound: The site has no open rotation.
            Conflict: The rotation is not prepared yet, or somebody else advanced or ended it at the same time. Or
                another one than the one that is meant is open (``rotation.ended``).
            Refused: No reason was given. Or the site needs a second person, and this one does not count: see
                :func:`engage_server.services.access.approvals.admit`.
        """
        rotation = self._required(site_name, number)
        if not reason.strip():
            raise Refused(
                "a step cannot be approved without a reason", 'Give one: --reason "..."', code="reason.missing"
            )
        if rotation.state is RotationState.PREPARING:
            raise Conflict(
                f"the rotation of {site_name!r} is not prepared yet",
                f"Finish the preparation first: engage rotate start --site {site_name} --way {rotation.way}",
                code="rotation.preparing",
            )
        occasion = occasion.because(reason)
        self._record_approval(self.progress(rotation, occasion), occasion.reason, occasion, tell, candidate)
        for _ in range(ATTEMPTS):
            with suppress(Conflict):  # with a look of a gate: it is recorded, so whoever looks next goes on
                self.go_on(site_name, occasion, tell)
                return

    def back_to(self, site_name: str) -> int | None:
        """The release that an abort would serve again; None if an abort would not change what is served."""
        rotation = self.open_rotation(site_name)
        return rotation.from_release if rotation is not None and rotation.step else None

    def abort(
        self,
        site_name: str,
        reason: str,
        occasion: Occasion,
        *,
        keep: bool = False,
        number: int | None = None,
        may_approve: bool = True,
    ) -> Rotation:
        """End a rotation and serve the release from before it again, in one transaction.

        Args:
            site_name: The site.
            reason: The reason for the audit log; may be "".
            occasion: Who and when.
            keep: Keep serving what is served now instead.
            number: The rotation that is meant. None: whichever is open.
            may_approve: Whether the actor may approve steps. To keep what is served can be as much as an approval.

        Raises:
            NotFound: The site has no open rotation.
            Refused: The release from before the rotation can no longer go live. Or to keep what is served would pass
                the gate, and the site needs a second person for that.
            Conflict: Somebody else continued the rotation at the same time. Or another one than the one that is meant
                is open (``rotation.ended``).
        """
        rotation, occasion = self._required(site_name, number), occasion.because(reason)
        why = occasion.reason or "aborted"
        if keep:
            self._assert_may_keep(self.progress(rotation, occasion), occasion, may_approve=may_approve)
        if keep or not rotation.step:
            return self._end(rotation, RotationState.ABORTED, why, occasion, go_back=False)
        errors = self._errors(rotation.site, rotation.from_release, occasion, going_back=True)
        if errors:
            raise Refused(
                f"release {rotation.from_release} of {site_name} can no longer go live: {errors}",
                "Keep what is served now: engage rotate abort --keep. Then activate another release.",
                code="release.refused",
            )
        return self._end(rotation, RotationState.ABORTED, why, occasion, go_back=True)

    # --- the parts

    def _required(self, site_name: str, number: int | None) -> Rotation:
        rotation = self.open_rotation(site_name)
        if number is not None and (rotation is None or rotation.number != number):
            raise has_ended(self.one(site_name, number))
        if rotation is None:
            raise NotFound(
                f"site {site_name!r} has no open rotation",
                f"See what is possible: engage rotate plan --site {site_name}",
                code="rotation.not_found",
            )
        return rotation

    def _wave(self, rotation: Rotation) -> Decision:
        for name in rotation.after:
            found = self._store.rotations(name)
            state = found[-1].state if found else None
            if state in (RotationState.ABORTED, RotationState.ROLLED_BACK):
                return Decision(Verdict.ASK, f"the rotation of {name} must be done first, but it is {state}")
            if state is not RotationState.DONE:
                return Decision(
                    Verdict.WAIT, f"the rotation of {name} must be done first: it is {state or 'not started'}"
                )
        return Decision(Verdict.GO_ON, "first step")

    def _put_off(self, rotation: Rotation, decision: Decision, occasion: Occasion) -> Rotation:
        """Record since when the path keeps the gate from deciding."""
        after = noted(rotation, decision, occasion.now)
        if after != rotation:
            self._store.note_look(rotation, after)
        return after

    def _move(self, rotation: Rotation, occasion: Occasion) -> str | None:
        """Do one thing that the gate allows and return its report; None if nothing is done.

        1. Go on: after the last step the rotation is done. Otherwise the next release goes live.
        2. Roll back: the release from before the rotation goes live again, as one unit.
        3. Ask: the rotation pauses until an operator decides. This is reported once.
        4. Wait: a pause whose reason is gone ends, unless nothing can be judged yet. Nothing else happens.

        A release with errors never goes live, forward or back: the rotation pauses instead.
        """
        decision = self.progress(rotation, occasion).decision
        if decision is None:
            return None
        rotation = self._put_off(rotation, decision, occasion)
        if decision.verdict is Verdict.GO_ON:  # 1
            if rotation.is_last_step:
                self._end(rotation, RotationState.DONE, decision.why, occasion, go_back=False)
                return (
                    f"done: release {rotation.served} of {rotation.site} has replaced release {rotation.from_release}"
                )
            return self._next_step(rotation, decision, occasion)
        if decision.verdict is Verdict.ROLL_BACK:  # 2
            return self._roll_back(rotation, decision, occasion)
        if decision.verdict is Verdict.ASK:  # 3
            return self._hold(rotation, decision.why, occasion)
        if rotation.state is RotationState.HELD and not is_unsure(rotation, occasion.now):  # 4
            if rotation.next_release is not None and self._errors(rotation.site, rotation.next_release, occasion):
                return None  # the reason for this pause, or for the next one
            return self._release_hold(rotation, decision, occasion)
        return None

    def _next_step(self, rotation: Rotation, decision: Decision, occasion: Occasion) -> str | None:
        number = rotation.releases[rotation.step]
        errors = self._errors(rotation.site, number, occasion)
        if errors:
            return self._hold(rotation, f"release {number} cannot go live: {errors}", occasion)
        after = replace(
            begun(rotation, occasion),
            state=RotationState.RUNNING,
            step=rotation.step + 1,
            step_at=occasion.now,
            why="",
        )
        event = replace(
            self._event(AuditAction.ROTATION_ADVANCED, rotation, occasion, release=str(number), gate=decision.why),
            before={"release": str(rotation.served)},
        )
        self._store.move_rotation(rotation, after, event, activate=number, as_looked=True)
        step = f"step {after.step} of {len(after.releases)}"
        return f"release {number} of {rotation.site} is served ({step}): {decision.why}"

    def _roll_back(self, rotation: Rotation, decision: Decision, occasion: Occasion) -> str | None:
        errors = self._errors(rotation.site, rotation.from_release, occasion, going_back=True)
        if errors:
            why = f"{decision.why}, but release {rotation.from_release} can no longer go live: {errors}"
            return self._hold(rotation, why, occasion)
        self._end(rotation, RotationState.ROLLED_BACK, decision.why, occasion, go_back=True)
        return f"rolled back to release {rotation.from_release} of {rotation.site}: {decision.why}"

    def _hold(self, rotation: Rotation, why: str, occasion: Occasion) -> str | None:
        if rotation.state is RotationState.HELD and rotation.why:
            return None  # it is reported once; an approval takes the reason away
        event = self._event(AuditAction.ROTATION_HELD, rotation, occasion, why=why)
        after = replace(rotation, state=RotationState.HELD, why=why)
        self._store.move_rotation(rotation, after, event, as_looked=True)
        return f"paused until an operator decides: {why}"

    def _release_hold(self, rotation: Rotation, decision: Decision, occasion: Occasion) -> str:
        state = RotationState.RUNNING if rotation.step else RotationState.WAITING
        event = self._event(AuditAction.ROTATION_ADVANCED, rotation, occasion, state=state.value)
        self._store.move_rotation(rotation, replace(rotation, state=state, why=""), event, as_looked=True)
        return f"no longer paused: {decision.why}"
