"""Imports the vendor's sample: the same addresses and the same anchor, so that no device notices."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.checks import ChainCase, Circumstances, Severity, run_checks
from engage_server.errors import Conflict, EngageError, Refused
from engage_server.pki.chain import Chain, is_self_issued
from engage_server.pki.encodings import der
from engage_server.pki.issuing.succession import AuthorityKeys, succeed
from engage_server.records import AuditAction, Occasion, RotationWay, Secret, Site, StaticCertificate
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.chains.folder import ChainMaterial, write_successors
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.sites.register import SiteRequest, Sites
from engage_server.services.vendor.review import VendorReview
from engage_server.store.interface import ReleaseStore, SiteStore


class TakeoverStore(SiteStore, ReleaseStore, Protocol):
    """The part of the store that an import needs."""


@dataclass(frozen=True, slots=True)
class TakeoverPlan:
    """The import that an operator asks for.

    Attributes:
        review: The review of the sample.
        key: The site key.
        site: The name of the site, which may already exist.
        folder: Where a fixed chain is written; new or empty.
    """

    review: VendorReview
    key: Secret
    site: str
    folder: Path


@dataclass(frozen=True, slots=True)
class PreparedTakeover:
    """An import that can be run.

    Attributes:
        plan: The plan. Nothing was written to its folder yet.
        material: The chain that will be served.
        write_mended: Writes the new chain, if one had to be made; None if the sample's own chain is served.
    """

    plan: TakeoverPlan
    material: ChainMaterial
    write_mended: Callable[[], None] | None


class VendorTakeover:
    """Imports a sample. Run it again to continue after an interruption; what is there stays unchanged.

    Args:
        store: Holds everything that is imported.
        sites, releases: Add the site, and its release.
        devices: Holds the devices' files.
    """

    def __init__(self, store: TakeoverStore, sites: Sites, releases: Releases, devices: DeviceExchange) -> None:
        self._store = store
        self._sites = sites
        self._releases = releases
        self._devices = devices

    def run(self, prepared: PreparedTakeover, occasion: Occasion, tell: Tell = tell_nobody) -> None:
        """Import the sample, and report each step after it is done.

        Raises:
            Conflict: The site exists with another key or anchor role, or already serves another anchor.
            EngageError: A file, the database, or a device's file cannot be used.
        """
        plan = prepared.plan
        site = self._existing(plan)
        if site is None:
            review = plan.review
            request = SiteRequest(plan.site, review.hosts, review.anchor_role)
            site = self._sites.add(request, plan.key, occasion)
            tell(f"added site {site.name} for {' '.join(map(str, site.hosts))}; its anchor is the {site.anchor}")
        self._serve(prepared, site, occasion, tell)
        self._keep_addresses(plan, site, occasion, tell)
        self._take_devices(plan, site, occasion, tell)

    def _existing(self, plan: TakeoverPlan) -> Site | None:
        site = next((each for each in self._sites.all() if each.name == plan.site), None)
        if site is None:
            return None
        if self._sites.key(site.name) != plan.key:
            raise Conflict(
                f"site {site.name} exists with another key, and a site's key cannot be changed",
                "Import it as another site: --site NAME.",
                code="site.exists",
            )
        if site.anchor is not plan.review.anchor_role:
            raise Conflict(
                f"site {site.name} exists, and its anchor is the {site.anchor}, not the {plan.review.anchor_role}",
                "Import it as another site: --site NAME.",
                code="site.exists",
            )
        current = self._releases.current(site.name)
        anchor = plan.review.anchor
        served = self._store.release(site.name, current).anchor_der if current is not None else None
        if served is not None and anchor is not None and served != der(anchor):
            raise Conflict(
                f"site {site.name} already serves another anchor",
                "Import it as another site: --site NAME.",
                code="site.exists",
            )
        return site

    def _serve(self, prepared: PreparedTakeover, site: Site, occasion: Occasion, tell: Tell) -> None:
        if self._releases.current(site.name) is not None:
            tell(f"site {site.name} already serves a release with this anchor")
            return
        if prepared.write_mended is not None:
            prepared.write_mended()
            tell(
                "the chain had faults that devices may refuse: made a new server certificate under the same anchor, "
                f"in {prepared.plan.folder}"
            )
        number = self._releases.number_of(prepared.material, site.name)
        if number is None:
            number = self._releases.stage(prepared.material, site.name, occasion).release.number
        self._releases.activate(site.name, number, {}, occasion)
        tell(f"checked, staged and activated release {number} of {site.name}")

    def _keep_addresses(self, plan: TakeoverPlan, site: Site, occasion: Occasion, tell: Tell) -> None:
        """Keep the files that devices download as DER, and convert those that should be DER. Never a key."""
        wanted = {script.cert_name for script in plan.review.sample.scripts}
        given = [
            StaticCertificate(site.name, name, der(file.bundle.certificates[0]))
            for name, file in plan.review.sample.files.items()
            if file.bundle.certificates and not file.bundle.keys and (file.is_der or name in wanted)
        ]
        if given:
            names = " ".join(each.name for each in given)
            event = occasion.event(AuditAction.VENDOR_IMPORTED, site.name, certificates=names)
            self._store.put_static_certificates(site.name, given, event)
            tell(f"/static/Device_Certificates/ still serves {names}")

    def _take_devices(self, plan: TakeoverPlan, site: Site, occasion: Occasion, tell: Tell) -> None:
        found = plan.review.sample.devices
        if found.serials:
            self._sites.add_devices(found.serials, site.name, occasion)
            self._devices.bring_in(site.name, found.files, occasion.now)
            count = len(found.serials)
            tell(f"imported the files of {'1 device' if count == 1 else f'{count} devices'}")


def prepare_takeover(plan: TakeoverPlan, occasion: Occasion) -> PreparedTakeover:
    """Find or make the chain that leads to the devices' anchor. Changes nothing.

    Raises:
        Refused: It is unknown which certificate is the anchor, or no chain can lead to it.
    """
    review = plan.review
    if review.anchor is None:
        raise Refused(
            f"it is not known which certificate devices trust: {review.no_anchor}",
            "Nothing was changed. Fix the findings above, or give the site key that these devices were commissioned "
            "with.",
            code="vendor.no_anchor",
        )
    chain = review.chain
    if chain is not None and review.anchor in chain:
        key = review.key_of(chain.server)
        if isinstance(key, rsa.RSAPrivateKey) and not _errors(plan, chain, key, occasion):
            return PreparedTakeover(plan, ChainMaterial(chain, key), None)
    return _mended(plan, occasion)


def _mended(plan: TakeoverPlan, occasion: Occasion) -> PreparedTakeover:
    """Make a chain under the anchor that devices have, with the anchor's own key."""
    review = plan.review
    anchor = review.anchor
    key = review.key_of(anchor) if anchor is not None else None
    if anchor is None or not isinstance(key, rsa.RSAPrivateKey):
        raise Refused(
            "the chain has errors, and the anchor's private key is not there to make a new chain under it",
            "Nothing was changed. Put the key into static/Device_Certificates, give --passphrase-file if it is "
            "encrypted, or fix the errors above.",
            code="vendor.no_key",
        )
    before = review.chain
    if is_self_issued(anchor):
        intermediates = before.intermediates if before is not None and before.root == anchor else ()
        current = Chain(anchor, intermediates, before.server if before is not None else anchor)
        way, authority = RotationWay.INTERMEDIATE_RENEWAL, AuthorityKeys(root=key)
    elif before is not None:
        current, way, authority = before, RotationWay.SERVER_RENEWAL, AuthorityKeys(intermediate=key)
    else:
        raise Refused("the certificate above the anchor is missing", "Put the root next to it.", code="vendor.no_chain")
    successors = succeed(way, current, authority, review.hosts, occasion.now)
    made = successors[-1]
    faults = _errors(plan, made.chain, made.server_key, occasion)
    if faults:
        raise Refused(
            "no chain under the devices' anchor can be served: " + "; ".join(faults),
            "Nothing was changed. Plan a cut-over with a new anchor: engage init, then check each device.",
            code="vendor.anchor",
        )
    material = ChainMaterial(made.chain, made.server_key)
    return PreparedTakeover(plan, material, lambda: write_successors(plan.folder, successors, current, None))


def _errors(plan: TakeoverPlan, chain: Chain, key: rsa.RSAPrivateKey, occasion: Occasion) -> list[str]:
    at = Circumstances(occasion.now, plan.review.hosts, plan.review.anchor_role, key.public_key())
    try:
        findings = run_checks(ChainCase.of_chain(chain, at))
    except EngageError as error:
        return [error.sentence]
    return [f"{each.code}: {each.sentence}" for each in findings if each.severity is Severity.ERROR]
