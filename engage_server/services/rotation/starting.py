"""Begins rotations: one at a time for each site, prepared before anything is served."""

from collections.abc import Callable

from engage_server.errors import NotFound, Refused
from engage_server.records import AnchorRole, AuditAction, Occasion, Rotation, RotationState
from engage_server.records.telling import Tell
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.rotation.preparation import Preparation, RotationRequest
from engage_server.services.rotation.proof import Judge
from engage_server.services.rotation.steps import RotationSteps, StepsStore


class StartSteps(RotationSteps):
    """Begins rotations, and prepares them.

    Args:
        store: Holds the rotations.
        releases: Stages and checks releases.
        judge_for: Gives the judge for the anchor role that a site distributes.
    """

    def __init__(self, store: StepsStore, releases: Releases, judge_for: Callable[[AnchorRole], Judge]) -> None:
        super().__init__(store, releases)
        self._judge_for = judge_for

    def begin(self, request: RotationRequest, occasion: Occasion, tell: Tell) -> Rotation:
        """Begin a rotation. Nothing is prepared yet.

        Raises:
            NotFound: There is no such site, or it serves nothing.
            Conflict: The site has an open rotation (``rotation.open``).
            Refused: Only listed devices may count, but the site has no list.
        """
        rotation = self._begin(request, occasion)
        tell(f"rotation {rotation.number} of {rotation.site} started: {rotation.way}")
        return rotation

    def prepare(self, rotation: Rotation, request: RotationRequest, occasion: Occasion, tell: Tell) -> None:
        """Prepare a rotation that was begun, or go on where its preparation was interrupted.

        Raises:
            Refused: The chains do not do what the way promises, or have errors. The rotation has ended then.
            Conflict: Somebody else prepared or ended it at the same time.
            NotPossible: A key is missing, or a file or the database cannot be used.
        """
        if rotation.state is RotationState.PREPARING:
            Preparation(self._store, self._releases, self._judge_for).run(rotation, request, occasion, tell)

    def _current(self, site_name: str) -> int:
        number = self._releases.current(site_name)
        if number is None:
            raise NotFound(
                f"site {site_name!r} serves nothing yet, so there is nothing to rotate",
                f"Stage and activate its first release: engage release stage DIR --site {site_name}",
                code="release.not_found",
            )
        return number

    def _begin(self, request: RotationRequest, occasion: Occasion) -> Rotation:
        if request.policy.only_listed and not self._store.device_serials(request.site):
            raise Refused(
                f"site {request.site!r} has no list of devices, so no device would count",
                f"Import it first: engage device import FILE --site {request.site}. Or leave out --only-listed.",
                code="rotation.no_list",
            )
        rotation = Rotation(
            number=0,
            site=request.site,
            way=request.way,
            state=RotationState.PREPARING,
            from_release=self._current(request.site),
            releases=(),
            step=0,
            step_at=occasion.now,
            folder="" if request.sent else str(request.folder),
            policy=request.policy,
            after=request.after,
            started_at=occasion.now,
            started_by=occasion.actor,
        )
        event = self._event(AuditAction.ROTATION_STARTED, rotation, occasion, way=request.way.value)
        return self._store.add_rotation(rotation, event)
