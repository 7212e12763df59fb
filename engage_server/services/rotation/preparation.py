"""Begins a rotation. Builds, validates and stages its chains before anything is served, however often interrupted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engage_server.errors import CertificateInvalid, ChainTooLong, Conflict, NotFound, Refused
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.records import (
    AnchorRole,
    AuditAction,
    GatePolicy,
    Occasion,
    Rotation,
    RotationState,
    RotationWay,
    Secret,
    Site,
)
from engage_server.records.telling import Tell
from engage_server.services.chains.building import build_successors
from engage_server.services.chains.folder import ChainMaterial, read_successors
from engage_server.services.releases.lifecycle import Releases, chain_of
from engage_server.services.rotation.planning.proof import Judge, broken_promise, prove
from engage_server.services.rotation.steps import RotationSteps, StepsStore, in_one_line


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """The rotation of one site that an operator asks for.

    Attributes:
        site: The site's name.
        way: The way of the rotation.
        folder: Where the chains are built. If the folder already has chains, those are used.
        authority: The CAs' keys, as far as they were found.
        passphrase: Encrypts the keys of new CAs; None leaves them unencrypted.
        policy: The limits of the gate.
        after: Sites whose rotations must be done first.
        sent: Finished chains, each with its title. They are staged as they are, and no file is written. Empty: the
            chains are in ``folder``, or built there.
    """

    site: str
    way: RotationWay
    folder: Path
    authority: AuthorityKeys = field(repr=False)
    passphrase: Secret | None = None
    policy: GatePolicy = field(default_factory=GatePolicy)
    after: tuple[str, ...] = ()
    sent: tuple[tuple[str, ChainMaterial], ...] = field(default=(), repr=False)


class Preparation(RotationSteps):
    """Builds, validates and stages a rotation's chains.

    Args:
        store: Holds the rotations.
        releases: Stages and checks releases.
        judge_for: Gives the judge for the anchor role that a site distributes.
    """

    def __init__(self, store: StepsStore, releases: Releases, judge_for: Callable[[AnchorRole], Judge]) -> None:
        super().__init__(store, releases)
        self._judge_for = judge_for

    def run(self, rotation: Rotation, request: RotationRequest, occasion: Occasion, tell: Tell) -> None:
        """Prepare a rotation until it can be served. Reports each step when it is done. See :meth:`Rotations.start`."""
        site = self._store.site(rotation.site)
        before = chain_of(self._store.release(rotation.site, rotation.from_release))
        try:
            materials = self._materials(rotation, request, before, site, occasion, tell)
        except (CertificateInvalid, ChainTooLong) as error:  # to try again unchanged cannot help
            self._end(rotation, RotationState.ABORTED, error.sentence, occasion, go_back=False)
            raise
        judge = self._judge_for(site.anchor)
        proven = [
            prove(title, material.chain, before, site.anchor, site.hosts, occasion.now, judge)
            for title, material in materials
        ]
        broken = broken_promise(rotation.way, proven)
        if broken:
            self._end(rotation, RotationState.ABORTED, broken, occasion, go_back=False)
            raise Refused(
                f"the rotation of {rotation.site!r} was ended before anything was served: {broken}",
                f"See the other ways: engage rotate plan --site {rotation.site}",
                code="rotation.unproven",
            )
        tell("validated the chains with the old anchor and with the new one: the results are as planned")
        numbers = []
        for title, material in materials:
            numbers.append(self._staged(rotation, material, site, occasion))
            tell(f"staged the {title} chain as release {numbers[-1]}")
        after = replace(rotation, releases=tuple(numbers), state=RotationState.WAITING)
        text = " ".join(map(str, numbers))
        event = self._event(AuditAction.ROTATION_ADVANCED, rotation, occasion, staged=text)
        self._store.move_rotation(rotation, after, event)

    def _materials(
        self, rotation: Rotation, request: RotationRequest, before: Chain, site: Site, occasion: Occasion, tell: Tell
    ) -> Sequence[tuple[str, ChainMaterial]]:
        """The chains with their titles, in the order in which they are served."""
        if not rotation.folder:
            if not request.sent:
                raise _were_sent(rotation)
            return request.sent
        folder = Path(rotation.folder)
        if not folder.is_dir() or not any(folder.iterdir()):
            build_successors(
                folder, rotation.way, before, request.authority, site.hosts, occasion.now, request.passphrase
            )
            tell(f"built the chains in {folder}")
        return read_successors(folder)

    def _staged(self, rotation: Rotation, material: ChainMaterial, site: Site, occasion: Occasion) -> int:
        number = self._releases.number_of(material, site.name)
        if number is None:
            try:
                checked = self._releases.stage(material, site.name, occasion)
            except Refused as refusal:
                self._end(rotation, RotationState.ABORTED, refusal.sentence, occasion, go_back=False)
                raise
        else:
            checked = self._releases.check(site.name, number, occasion)
        number, errors = checked.release.number, in_one_line(checked.errors)
        if errors:
            self._end(rotation, RotationState.ABORTED, errors, occasion, go_back=False)
            raise Refused(
                f"release {number} of {site.name} cannot go live: {errors}",
                "The rotation was ended before anything was served. Fix what the errors name, and start again.",
                code="release.refused",
            )
        return number


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


def _were_sent(rotation: Rotation) -> Conflict:
    return Conflict(
        f"the chains of rotation {rotation.number} of {rotation.site!r} were sent to the API, and are not all staged",
        f"Send the same request again. Or end the rotation: engage rotate abort --site {rotation.site}",
        code="rotation.preparing",
    )
