"""Rotations: planned, started, watched, approved and aborted."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, SecretStr

from engage_server.as_json.plans import SitePlanJson, site_plan_json
from engage_server.as_json.rotation import ProgressJson, RotationJson, progress_json, rotation_json
from engage_server.records import AuditAction, AuditEntry, GatePolicy, Limit, RotationWay, Secret
from engage_server.services.access.approvals import Candidate
from engage_server.services.access.permissions import Act, may
from engage_server.services.chains.sent.reading import OpenSent
from engage_server.services.rotation.request import RotationWish
from engage_server.web.api.bodies.failing_doors import Accepting
from engage_server.web.api.bodies.reasons import NeededReason, Reason
from engage_server.web.api.bodies.sent_chain import SentChain
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.problem_codes import OF_CHAINS
from engage_server.web.api.route import SEEN, Answer, Body, Call, NoQuery, Route

_MOST_DEVICES = 2**31 - 1
_MOST_HOURS = 8760
_USUAL = GatePolicy()

Devices = Annotated[int, Field(ge=0, le=_MOST_DEVICES)]
Percent = Annotated[float, Field(ge=0, le=100)]


class SentChains(Body):
    """Finished chains, as `engage chain renew` builds them where the authority's keys are."""

    transition: SentChain | None = None
    """The chain that is served first, in a linked re-key. Leave it out for all other ways."""
    next: SentChain
    """The chain that stays."""


class RotationStart(Accepting):
    """Which rotation to start, and the limits of its gate."""

    way: RotationWay | None = None
    """How the next release follows the current one. Without it, the recommended way, or that of the chains."""
    chains: SentChains | None = None
    """Chains that were built elsewhere. Without it, the server builds them, if it has the authority's keys."""
    passphrase: SecretStr | None = Field(None, max_length=1024)
    """Opens the authority's keys on the server, and encrypts the keys of new CAs there."""
    ask: bool = False
    """Whether the rotation pauses before each step after the first until a person approves it."""
    only_listed: bool = False
    """Whether only devices on the site's list count."""
    max_missing: Devices = _USUAL.missing.count
    """How many devices may be missing at a step."""
    max_missing_percent: Percent = _USUAL.missing.percent
    """The same in percent. Both must hold."""
    max_lost: Devices = _USUAL.lost.count
    """With more lost devices than this, the rotation rolls back."""
    max_lost_percent: Percent = _USUAL.lost.percent
    """The same in percent. It rolls back when both are exceeded."""
    soak_hours: Annotated[float, Field(ge=0, le=_MOST_HOURS)] = _USUAL.soak_hours
    """The shortest time that each step lasts, in hours."""
    reason: Reason = ""
    """Why, for the audit log."""

    def wish(self, open_apart: OpenSent) -> RotationWish:
        """What is asked for.

        Args:
            open_apart: Opens the chains: see :attr:`.Call.open_sent`.

        Raises:
            EngageError: A chain cannot be used.
        """
        sent = (("transition", self.chains.transition), ("next", self.chains.next)) if self.chains else ()
        policy = GatePolicy(
            missing=Limit(self.max_missing, self.max_missing_percent),
            lost=Limit(self.max_lost, self.max_lost_percent),
            soak_hours=self.soak_hours,
            asks=self.ask,
            only_listed=self.only_listed,
        )
        return RotationWish(
            way=self.way,
            passphrase=Secret(self.passphrase.get_secret_value().encode()) if self.passphrase else None,
            policy=policy,
            sent=tuple((title, chain.material(open_apart)) for title, chain in sent if chain is not None),
        )


class RotationApproval(Accepting):
    """Why the next step is right."""

    reason: NeededReason
    """Why, for the audit log."""


class RotationEnd(Body):
    """How and why a rotation ends."""

    keep: bool = False
    """Whether to keep serving what is served now. Otherwise the release from before is served again."""
    reason: Reason = ""
    """Why, for the audit log."""


def version_of_rotation(call: Call[Any, Any]) -> int:
    """The version of the site, if the rotation in the path belongs to it."""
    call.services.rotations.one(call.site, call.number)
    return call.services.access.requests.version(call.site)


def list_rotations(call: Call[PageQuery, None]) -> Answer[PageJson[RotationJson]]:
    """List a site's rotations."""
    page = call.services.rotations.page(call.site, call.query.cursor, call.query.limit)
    return page_answer(page, [rotation_json(each) for each in page.items])


def get_rotation(call: Call[NoQuery, None]) -> Answer[ProgressJson]:
    """Return how far one rotation is."""
    return _shown(call, call.number)


def get_rotation_plan(call: Call[NoQuery, None]) -> Answer[SitePlanJson]:
    """Return what a rotation could do."""
    plan, authority = call.services.site_rotations.plan(call.site, call.occasion)
    return Answer(site_plan_json(plan, len(authority.locked)))


def start_rotation(call: Call[NoQuery, RotationStart]) -> Answer[ProgressJson]:
    """Start a rotation."""
    starts, occasion = call.services.site_rotations, call.because(call.body.reason)
    request = starts.request(call.site, call.body.wish(call.open_sent), occasion)
    refusing = starts.refusing(request, occasion)
    if refusing is not None:
        call.body.assert_wanted(refusing)
    return _made(call, starts.start(request, occasion))


def start_rotation_again(call: Call[NoQuery, RotationStart], entry: AuditEntry) -> Answer[ProgressJson]:
    """Return the rotation that was started. If its preparation was interrupted, finish it."""
    number = int(entry.event.facts["rotation"])
    wish = call.body.wish(call.open_sent)
    call.services.site_rotations.resume(call.site, number, wish, call.because(call.body.reason))
    return _made(call, number)


def approve_rotation(call: Call[NoQuery, RotationApproval]) -> Answer[ProgressJson]:
    """Approve the next step of a rotation."""
    body, rotation = call.body, call.services.rotations.one(call.site, call.number)
    if rotation.state.is_open and rotation.next_release is not None and not body.accept_failing_doors:
        now = call.occasion.now
        body.assert_wanted(call.services.held_anchors.reception(call.site, rotation.next_release, now))
    call.services.rotations.approve(
        call.site,
        body.reason,
        call.because(body.reason),
        candidate=Candidate(call.actor),
        number=call.number,
    )
    return _shown(call, call.number)


def abort_rotation(call: Call[NoQuery, RotationEnd]) -> Answer[ProgressJson]:
    """End a rotation."""
    body = call.body
    call.services.rotations.abort(
        call.site,
        body.reason,
        call.because(body.reason),
        keep=body.keep,
        number=call.number,
        may_approve=may(call.actor, Act.ROTATION_APPROVE, call.site),
    )
    return _shown(call, call.number)


def _made(call: Call[Any, Any], number: int) -> Answer[ProgressJson]:
    return replace(_shown(call, number), location=f"/sites/{call.site}/rotations/{number}")


def _shown(call: Call[Any, Any], number: int) -> Answer[ProgressJson]:
    version = call.services.access.requests.version(call.site)  # first: what is read after it is at least as new
    progress = call.services.rotations.progress(call.services.rotations.one(call.site, number), call.occasion)
    advice = call.services.held_anchors.advice(call.site, call.occasion.now)
    return Answer(progress_json(progress, advice=advice), version)


_THIS = {"site": "$response.body#/site", "number": "$response.body#/number"}
_FIRST = {"site": "$response.body#/items/0/site", "number": "$response.body#/items/0/number"}
_CHANGES = {"approve_rotation": _THIS | SEEN, "abort_rotation": _THIS | SEEN}

ROUTES = (
    Route(
        method="GET",
        path="/sites/{site}/rotations",
        act=Act.ROTATION_SEE,
        summary="A site's rotations, newest first",
        handle=list_rotations,
        answer=PageJson[RotationJson],
        query=PageQuery,
        tag="rotations",
        links={"get_rotation": _FIRST},
        problems=("cursor.invalid",),
    ),
    Route(
        method="GET",
        path="/sites/{site}/rotation-plan",
        act=Act.ROTATION_PLAN,
        summary="What is due, and which ways there are to rotate",
        description="Every way is tried on a copy of the chain. Nothing is changed. The first plan takes a second.",
        handle=get_rotation_plan,
        answer=SitePlanJson,
        tag="rotations",
        problems=("release.not_found",),
    ),
    Route(
        method="POST",
        path="/sites/{site}/rotations",
        act=Act.ROTATION_START,
        summary="Start a rotation",
        description="The chains are built or taken from the request, validated and staged. Then the first one is "
        "served, if no second person has to approve that. If the server ends meanwhile, the same request with the same "
        "Idempotency-Key finishes the preparation.",
        handle=start_rotation,
        answer=ProgressJson,
        body=RotationStart,
        body_example={"way": "server-renewal", "reason": "it ends in March"},
        status=201,
        tag="rotations",
        has_etag=True,
        writes=AuditAction.ROTATION_STARTED,
        replayed=start_rotation_again,
        links={"get_rotation": _THIS, **_CHANGES},
        problems=(
            "release.not_found",
            "rotation.open",
            "rotation.changed",
            "rotation.ended",
            "rotation.not_due",
            "rotation.no_list",
            "rotation.other_way",
            "rotation.not_new",
            "rotation.unproven",
            "authority.missing",
            "doors.fail",
            "chain.too_long",
            "release.refused",
            "file.not_usable",
            *OF_CHAINS,
            "server.busy",
        ),
    ),
    Route(
        method="GET",
        path="/sites/{site}/rotations/{number}",
        act=Act.ROTATION_SEE,
        summary="How far a rotation is, and what its gate says",
        handle=get_rotation,
        answer=ProgressJson,
        tag="rotations",
        has_etag=True,
        links=_CHANGES,
        problems=("rotation.not_found",),
    ),
    Route(
        method="POST",
        path="/sites/{site}/rotations/{number}/approve",
        act=Act.ROTATION_APPROVE,
        summary="Approve the next step, whatever the gate says",
        description="Only a person who signed in may do this. Where the site needs a second person, who started the "
        "rotation does not count.",
        handle=approve_rotation,
        answer=ProgressJson,
        body=RotationApproval,
        body_example={"reason": "the two on floor 3 have no battery"},
        tag="rotations",
        has_etag=True,
        version=version_of_rotation,
        writes=AuditAction.ROTATION_APPROVED,
        problems=(
            "rotation.not_found",
            "rotation.changed",
            "rotation.ended",
            "rotation.preparing",
            "access.people_only",
            "doors.fail",
            "approval.same_person",
            "approval.given",
            "approval.nobody",
        ),
    ),
    Route(
        method="POST",
        path="/sites/{site}/rotations/{number}/abort",
        act=Act.ROTATION_ABORT,
        summary="End a rotation, and go back to where it began",
        description="To go back needs no second person. To keep what is served can need one.",
        handle=abort_rotation,
        answer=ProgressJson,
        body=RotationEnd,
        body_example={"reason": "the readers do not come through"},
        tag="rotations",
        has_etag=True,
        version=version_of_rotation,
        writes=AuditAction.ROTATION_ENDED,
        problems=(
            "rotation.not_found",
            "rotation.changed",
            "rotation.ended",
            "release.refused",
            "approval.missing",
        ),
    ),
)
