"""Turns an operator's options into requests that can be started: the way, the keys, the folder, the order of sites."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engage_server.errors import Conflict, NotPossible, Refused, UsageError
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.succession import needed_key, way_of
from engage_server.pki.keys import keys_match
from engage_server.records import GatePolicy, Occasion, RotationWay, Secret
from engage_server.services.chains.authority import FoundAuthority, find_authority
from engage_server.services.chains.folder import ChainMaterial, read_successors
from engage_server.services.releases.lifecycle import Releases, chain_of
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.rotation.preparation import RotationRequest

_FOLDERS_A_DAY = 1000


@dataclass(frozen=True, slots=True)
class RotationWish:
    """The options of an operator. What is left out is chosen by :class:`RotationRequests`.

    Attributes:
        way: None for the way of the open rotation; if there is none, the recommended way.
        prepared: A folder with chains that were built elsewhere; None to build them here.
        passphrase: Decrypts the CAs' keys, and encrypts the keys of new CAs.
        policy: The limits of the gate.
        sent: Finished chains that came with the wish, each with its title. Empty: none did.
    """

    way: RotationWay | None = None
    prepared: Path | None = None
    passphrase: Secret | None = field(default=None, repr=False)
    policy: GatePolicy = field(default_factory=GatePolicy)
    sent: tuple[tuple[str, ChainMaterial], ...] = field(default=(), repr=False)


class RotationRequests:
    """Makes rotation requests. Changes nothing.

    Args:
        rotations: Knows the open rotations, and plans.
        releases: Knows what is served.
    """

    def __init__(self, rotations: Rotations, releases: Releases) -> None:
        self._rotations = rotations
        self._releases = releases

    def authority(self, site: str, folder: Path, passphrase: Secret | None) -> FoundAuthority:
        """Find the CAs' keys of the chain that a site serves. While a rotation is open, of the chain before it.

        Args:
            site: The site's name.
            folder: The folder with the keys, at any depth.
            passphrase: Decrypts encrypted keys.

        Raises:
            Conflict: The site serves nothing yet.
        """
        return find_authority(folder, self._chain(site), passphrase)

    def of_waves(
        self, waves: Sequence[Sequence[str]], wish: RotationWish, authority: Path, certs: Path, occasion: Occasion
    ) -> list[RotationRequest]:
        """Make a request for each site, wave by wave. A site waits for all sites of the wave before its own.

        All are made before any is started, so a problem at one site does not stop the others halfway.

        Args:
            waves: Names of sites. Each wave waits for the one before.
            wish: The options, the same for all sites.
            authority: The folder with the CAs' keys.
            certs: The folder in which each rotation gets a new folder for its chains.
            occasion: Who asks, and when.

        Raises:
            UsageError: Prepared chains are for one site, and several were named. Or they are of another way.
            Conflict: Nothing is due at a site and no way was named, or a site serves nothing yet.
            NotPossible: The private key that a site's way needs is missing.
            FileNotUsable, CertificateInvalid: The prepared chains cannot be used.
            Refused: A finished chain has a key that is not its own.
        """
        names = [name for wave in waves for name in wave]
        if wish.prepared is not None:
            read_successors(wish.prepared)
            if len(names) > 1:
                raise UsageError(
                    "--prepared is for one site", "Start the sites one by one: --wave builds the chains of each."
                )
        made: list[RotationRequest] = []
        before: tuple[str, ...] = ()
        for wave in waves:
            made += [self._of_site(name, wish, authority, certs, before, occasion) for name in wave]
            before = tuple(wave)
        self._assert_ready(made, authority)
        return made

    def _assert_ready(self, requests: Sequence[RotationRequest], authority: Path) -> None:
        """Check all sites before any rotation starts, so that everything that is missing is reported at once."""
        missing = [sentence for request in requests if (sentence := self._missing(request))]
        if missing:
            raise NotPossible(
                f"nothing was started: {'; '.join(missing)}. Searched in {authority}",
                "Name the authority's folder: --authority DIR. It is on the host where the site was made, or offline. "
                "Or prepare the chains there: engage chain renew.",
                code="authority.missing",
            )

    def _missing(self, request: RotationRequest) -> str:
        """A sentence about the private key that a site's rotation needs and that is missing; "" if none is missing."""
        going_on = self._rotations.open_rotation(request.site)
        if request.sent or _is_there(request.folder) or (going_on is not None and _is_there(Path(going_on.folder))):
            return ""
        needed = needed_key(request.way, self._chain(request.site))
        if not needed or getattr(request.authority, needed) is not None:
            return ""
        return f"site {request.site}: the private key of its {needed} certificate is missing"

    def _of_site(
        self, site: str, wish: RotationWish, authority: Path, certs: Path, after: tuple[str, ...], occasion: Occasion
    ) -> RotationRequest:
        found = self.authority(site, authority, wish.passphrase)
        way = self._finished_way(site, wish) or wish.way or self._way(site, found, occasion)
        folder = (wish.prepared or _fresh_folder(certs, site, occasion)).absolute()
        return RotationRequest(site, way, folder, found.keys, wish.passphrase, wish.policy, after, wish.sent)

    def _finished_way(self, site: str, wish: RotationWish) -> RotationWay | None:
        """The way of finished chains, which must be the one that the operator named, if any. None: there are none."""
        materials = read_successors(wish.prepared) if wish.prepared else wish.sent
        if not materials:
            return None
        for title, material in materials:
            _assert_own_key(title, material)
        before, chains = self._chain(site), [material.chain for _, material in materials]
        if before in chains:
            raise UsageError(
                f"one of the chains is what {site} serves now",
                "Prepare new ones: engage chain renew",
                code="rotation.not_new",
            )
        found = way_of(before, chains)
        if wish.way not in (None, found):
            where = f"in {wish.prepared}" if wish.prepared else "that were sent"
            raise UsageError(
                f"the chains {where} are not a {wish.way} of what {site} serves, but a {found}",
                f"If that is what you want, name it: --way {found}. If not, prepare them again: engage chain renew",
                code="rotation.other_way",
            )
        return found

    def _way(self, site: str, found: FoundAuthority, occasion: Occasion) -> RotationWay:
        going_on = self._rotations.open_rotation(site)
        if going_on is not None:
            return going_on.way
        recommended = self._rotations.plan(site, found.at_hand, occasion).recommended
        if recommended is None:
            raise Conflict(
                f"nothing is due at site {site!r}",
                "To rotate anyway, name the way: --way.",
                code="rotation.not_due",
            )
        return recommended

    def _chain(self, site: str) -> Chain:
        going_on = self._rotations.open_rotation(site)
        number = going_on.from_release if going_on else self._releases.current(site)
        if number is None:
            raise Conflict(
                f"site {site!r} serves nothing yet, so there is nothing to rotate",
                f"Stage and activate its first release: engage release stage DIR --site {site}",
                code="release.not_found",
            )
        return chain_of(self._releases.one(site, number))


def _assert_own_key(title: str, material: ChainMaterial) -> None:
    if not keys_match(material.server_key, material.chain.server.public_key()):
        raise Refused(
            f"the {title} chain came with a key that does not belong to its server certificate",
            "Give the key that was made for the certificate.",
            code="key.mismatch",
        )


def _fresh_folder(certs: Path, site: str, occasion: Occasion) -> Path:
    day = f"{occasion.now:%Y-%m-%d}"
    names = [f"{site}-{day}", *(f"{site}-{day}-{number}" for number in range(2, _FOLDERS_A_DAY))]
    return next(certs / name for name in names if not _is_there(certs / name))


def _is_there(path: Path) -> bool:
    """Whether a path exists. One that may not be looked at does not: services may not see the authority's folder."""
    try:
        path.stat()
    except OSError:
        return False
    return True
