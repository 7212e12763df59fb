"""Plans and starts rotations for callers that cannot name a folder: keys on this host are used, if there are any."""

from contextlib import suppress
from pathlib import Path

from engage_server.errors import Conflict
from engage_server.records import Occasion, Rotation, RotationState, RotationWay
from engage_server.records.telling import tell_nobody
from engage_server.services.chains.authority import FoundAuthority
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.reception import Reception
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.rotation.planning.plan import RotationPlan
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.rotation.request import RotationRequests, RotationWish
from engage_server.services.rotation.steps import has_ended


class SiteRotations:
    """Plans and starts rotations of one site at a time.

    Args:
        rotations: Starts them.
        requests: Makes requests of wishes.
        held_anchors: Knows which anchors devices hold.
        certs: The folder with the authority's keys, in which chains are built. It may be missing, or unreadable.
    """

    def __init__(
        self, rotations: Rotations, requests: RotationRequests, held_anchors: HeldAnchors, certs: Path
    ) -> None:
        self._rotations = rotations
        self._requests = requests
        self._held_anchors = held_anchors
        self._certs = certs

    def plan(self, site: str, occasion: Occasion, pace: Pace | None = None) -> tuple[RotationPlan, FoundAuthority]:
        """Plan a rotation, with the keys that are on this host and not encrypted. It takes a second.

        Args:
            site: The site.
            occasion: When.
            pace: How fast its devices connect. None: it is measured, which reads all of them.

        Raises:
            NotFound: There is no such site.
            Conflict: The site serves nothing yet.
        """
        found = self._requests.authority(site, self._certs, None)
        return self._rotations.plan(site, found.at_hand, occasion, pace), found

    def request(self, site: str, wish: RotationWish, occasion: Occasion) -> RotationRequest:
        """Make the request for a new rotation. Nothing is changed yet.

        Raises:
            NotFound: There is no such site.
            Conflict: The site has an open rotation, or serves nothing yet. Or nothing is due, and no way was named.
            UsageError: The chains that were sent are of another way, or are served already.
            NotPossible: The private key that the way needs is missing (``authority.missing``).
        """
        going_on = self._rotations.open_rotation(site)
        if going_on is not None:
            raise Conflict(
                f"site {site!r} already has an open rotation: {going_on.number}",
                f"Wait until it is done. Or end it first: engage rotate abort --site {site}",
                code="rotation.open",
            )
        return self._of(site, wish, occasion)

    def refusing(self, request: RotationRequest, occasion: Occasion) -> Reception | None:
        """The devices that would refuse the first step of a request. None for ways that devices do not notice."""
        if request.way is not RotationWay.CUT_OVER:
            return None
        return self._held_anchors.of_new_root(request.site, occasion.now)

    def start(self, request: RotationRequest, occasion: Occasion) -> int:
        """Start a new rotation, never continue one. Many may ask at once: one of them gets it.

        Returns:
            Its number.

        Raises:
            Conflict: The site has an open rotation (``rotation.open``), or somebody ended this one meanwhile.
            Refused: As :meth:`.Rotations.start`. The rotation has ended then.
            NotPossible: A file or the database cannot be used. The rotation waits to be resumed, or aborted.
        """
        rotation = self._rotations.begin(request, occasion, tell_nobody)
        self._prepare(rotation, request, occasion)
        return rotation.number

    def resume(self, site: str, number: int, wish: RotationWish, occasion: Occasion) -> None:
        """Finish the preparation of a rotation if it was interrupted. Otherwise nothing is done.

        Args:
            site: The site.
            number: The rotation.
            wish: What was asked for when it was started.
            occasion: Who asks again, and when.

        Raises:
            Conflict: It ended before it was prepared (``rotation.ended``).
            NotPossible: As :meth:`start`.
        """
        rotation = self._rotations.one(site, number)
        if rotation.state is RotationState.PREPARING:
            self._prepare(rotation, self._of(site, wish, occasion), occasion)
        elif not rotation.releases:
            raise has_ended(rotation)

    def _of(self, site: str, wish: RotationWish, occasion: Occasion) -> RotationRequest:
        (request,) = self._requests.of_waves([(site,)], wish, self._certs, self._certs, occasion)
        return request

    def _prepare(self, rotation: Rotation, request: RotationRequest, occasion: Occasion) -> None:
        try:
            self._rotations.prepare(rotation, request, occasion, tell_nobody)
        except Conflict:
            if not self._rotations.one(rotation.site, rotation.number).releases:
                raise
        with suppress(Conflict):  # with a look of a gate: whoever looks next goes on
            self._rotations.go_on(rotation.site, occasion)
