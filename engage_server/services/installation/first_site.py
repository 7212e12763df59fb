"""Makes the first site for ``engage init``: from nothing to a release that is served.

A step that is already done is skipped, so an interrupted run is finished by running it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import Conflict
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.records import Host, Occasion, ReleaseState, Secret, Site
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.chains.building import build_chain_folder
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.installation.left_chains import LeftChain, choose_chain, reason_of, why_not
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.sites.register import SiteRequest, Sites, new_site_key


@dataclass(frozen=True, slots=True)
class InstallationPlan:
    """The plan of the first site.

    Attributes:
        site: Its name.
        hosts: The hosts that the operator gave; if empty, the machine's own.
        organization: The organization (O=) in the names of the chain, or "".
        key: The site's key; None for a new random one.
        chain_folder: Where its first chain is built. A chain that is already there, or in a folder beside it, is used.
        for_trials: Whether virtual locks count as its devices.
        passphrase: Encrypts the keys of its root and intermediate; None leaves them unencrypted.
    """

    site: str
    hosts: tuple[Host, ...]
    organization: str
    key: Secret | None
    chain_folder: Path
    for_trials: bool = False
    passphrase: Secret | None = None


class Installer:
    """Makes the first site of an installation. The database must exist.

    Args:
        sites: Adds the site.
        releases: Stages and activates its first release.
    """

    def __init__(self, sites: Sites, releases: Releases) -> None:
        self._sites = sites
        self._releases = releases

    def run(
        self, plan: InstallationPlan, own_hosts: tuple[Host, ...], occasion: Occasion, tell: Tell = tell_nobody
    ) -> None:
        """Do the missing steps, and report each one after it is done.

        Raises:
            Conflict: The site exists with other hosts or another key.
            ChainTooLong: The hosts do not fit into a device's memory.
            Refused: The site has chains or staged releases, and none of them can be served.
            NotPossible: A file or the database cannot be used.
        """
        site = next((site for site in self._sites.all() if site.name == plan.site), None)
        if site is None:
            left = choose_chain(plan.chain_folder, plan.hosts, occasion.now)
            hosts = plan.hosts or (left[0].hosts if left else own_hosts)
            site = self._add(plan, hosts, occasion, tell)
        else:
            self._assert_same(site, plan)
            if self._releases.current(site.name) is not None:
                return
            usable, refused = self._staged_before(site, occasion)
            if usable is not None:
                tell(self._activate(site, usable, occasion))
                return
            left = choose_chain(plan.chain_folder, site.hosts, occasion.now, refused)
            self._tell_of_refused(site, refused, tell)
        folder = self._chain_folder(site, plan, left, occasion, tell)
        number = self._releases.stage(read_chain_folder(folder), site.name, occasion).release.number
        tell(self._activate(site, number, occasion))

    def _add(self, plan: InstallationPlan, hosts: tuple[Host, ...], occasion: Occasion, tell: Tell) -> Site:
        request = SiteRequest(plan.site, hosts, for_trials=plan.for_trials)
        site = self._sites.add(request, plan.key or new_site_key(), occasion)
        fresh = "" if plan.key else ", with a new random site key"
        tell(f"added site {site.name} for {', '.join(map(str, site.hosts))}{fresh}")
        return site

    def _chain_folder(
        self, site: Site, plan: InstallationPlan, left: Sequence[LeftChain], occasion: Occasion, tell: Tell
    ) -> Path:
        """The folder of the first chain, which is built if none is left."""
        if left:
            tell(f"used the chain that is already in {left[0].folder}; none was built")
            for sentence in reason_of(left, site.name):
                tell(sentence)
            return left[0].folder
        chain_plan = ChainPlan(site.hosts, plan.organization, label=str(occasion.now.year))
        _, budget = build_chain_folder(plan.chain_folder, chain_plan, occasion.now, plan.passphrase)
        tell(f"built a chain in {plan.chain_folder}: {budget.total} of {budget.limit} bytes")
        return plan.chain_folder

    def _staged_before(self, site: Site, occasion: Occasion) -> tuple[int | None, dict[int, str]]:
        """The newest release of an earlier run that can be served, and why the newer ones cannot."""
        refused: dict[int, str] = {}
        for release in sorted(self._releases.all(site.name), key=lambda each: each.number, reverse=True):
            if release.state is ReleaseState.STAGED:
                errors = self._releases.check_before_serving(site.name, release.number, occasion).errors
                if not errors:
                    return release.number, refused
                refused[release.number] = why_not(errors[0])
        return None, refused

    def _tell_of_refused(self, site: Site, refused: Mapping[int, str], tell: Tell) -> None:
        for number, error in refused.items():
            tell(f"release {number}, staged before, cannot be served: {error}")
            tell(f"to remove it: engage release drop {number} --site {site.name}")

    def _activate(self, site: Site, number: int, occasion: Occasion) -> str:
        self._releases.activate(site.name, number, {}, occasion)
        return f"checked, staged and activated release {number} of {site.name}"

    def _assert_same(self, site: Site, plan: InstallationPlan) -> None:
        if plan.hosts and tuple(dict.fromkeys(plan.hosts)) != site.hosts:
            raise Conflict(
                f"site {site.name!r} exists with other hosts: {' '.join(map(str, site.hosts))}",
                "Leave out --host to continue with it. Or name another site: --site NAME.",
                code="site.exists",
            )
        if plan.for_trials and not site.for_trials:
            raise Conflict(
                f"site {site.name!r} exists and was not made for trials, which cannot be changed",
                "Leave out --trials to continue with it. Or name another site: --site NAME.",
                code="site.exists",
            )
        if plan.key is not None and plan.key != self._sites.key(site.name):
            raise Conflict(
                f"site {site.name!r} exists with another key, and a site's key cannot be changed",
                "Leave out --site-key-file to continue with it. Or name another site: --site NAME.",
                code="site.exists",
            )
