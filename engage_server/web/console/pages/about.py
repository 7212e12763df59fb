"""About: the version, what serves devices, what lies on this host's disk, and whether all of it is well."""

from collections.abc import Mapping
from typing import Any

from engage_server import __version__
from engage_server.errors import NotPossible
from engage_server.records import AuditFilter
from engage_server.services.access.permissions import Act
from engage_server.services.evidence.callers import one_address_words
from engage_server.services.installation.disk_overview import DiskStatus
from engage_server.services.installation.overview import InstallationStatus
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Page
from engage_server.web.console.showing.words import size_of
from engage_server.web.console.visit import Visit
from engage_server.web.problems import log_if_not_possible

_ROWS = 100  # of a table
_FEW = 20  # sites in one cell


def show(visit: Visit) -> Mapping[str, Any]:
    """The version for everybody. The rest for who has a role at all sites: hosts serve all of them."""
    if not visit.may(Act.HOST_SEE):
        return {"version": __version__, "found": None}
    found = visit.services.overview.look(visit.occasion, lambda site: False)
    disk = _disk(visit)
    backups = visit.services.backup_standing(visit.now)
    newest = visit.services.audit.page(AuditFilter(), None, 1).items
    return {
        "version": __version__,
        "found": found,
        "most": visit.at_most(_ROWS),
        "few": visit.at_most(_FEW),
        "served": lambda worker: [f"{site}: release {number}" for site, number in worker.served.items()],
        "troubled": lambda worker: [f"{site}: {why}" for site, why in worker.trouble.items()],
        "disk": disk,
        "numbers": _numbers(found, disk),
        "uses": _uses(disk) if disk else [],
        "troubles": [*found.serving_troubles, *(f"the evidence may not be complete: {gap}" for gap in found.gaps)],
        "one_address": one_address_words(balancer) if (balancer := visit.services.balancers_address(visit.now)) else "",
        "backups": backups,
        "alerts": visit.services.alert_standing(),
        "head": f"{newest[0].number}:{newest[0].hash}" if newest else "",
    }


def _disk(visit: Visit) -> DiskStatus | None:
    """What lies on this host's disk. None if nobody can say: the rest of the page is worth more then."""
    try:
        return visit.services.disk.look([site.name for site in visit.services.sites.all()])
    except NotPossible as error:
        log_if_not_possible(error)
        return None


def _uses(disk: DiskStatus) -> list[tuple[str, str, str, str]]:
    return [
        (site, size_of(use.files), size_of(use.uploads), size_of(use.refused))
        for site, use in sorted(disk.sites.items())
    ]


def _numbers(found: InstallationStatus, disk: DiskStatus | None) -> list[tuple[str, str]]:
    here = [
        ("Version", __version__),
        ("Workers", f"{len(found.workers):,}"),
        ("Hosts", f"{len({each.host for each in found.workers}):,}"),
    ]
    if disk is None:
        return here
    used = sum(use.files + use.uploads for use in disk.sites.values())
    free = "not known" if disk.free is None else size_of(disk.free)
    return [*here, ("Devices' files here", f"{size_of(used)} of {size_of(disk.limits.total)}"), ("Free here", free)]


PAGES = (Page("about", "/about", "About", Act.STATUS_SEE, show, Scope.SOMEWHERE, is_refreshed=True),)
