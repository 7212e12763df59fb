"""Releases: their facts, bytes and findings, and which workers serve them."""

from engage_server.as_json.adoption import ReceptionJson, reception_json
from engage_server.as_json.chain_check import FindingJson, finding_json
from engage_server.as_json.formats import Instant, Shape
from engage_server.pki.byte_budget import ByteBudget, measure
from engage_server.records import Release, ReleaseState
from engage_server.services.releases.checked_release import CheckedRelease
from engage_server.services.releases.confirmation import Confirmation
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.views.comparison import ReleaseComparison


class CertificateBytesJson(Shape):
    """The size of one certificate of a chain."""

    role: str
    """``root``, ``intermediate``, ``server`` or ``link``."""
    name: str
    """Its common name."""
    der_bytes: int
    """Its size in bytes of DER."""
    sent: bool
    """Whether the TLS server sends it. The root counts although it is not sent."""


class BudgetJson(Shape):
    """How much of a device's memory a chain takes. All figures are bytes of DER, except ``pem_bytes``."""

    certificates: list[CertificateBytesJson]
    """From the root down."""
    total: int
    """The size of the whole chain, root included."""
    limit: int
    """The most that devices accept."""
    left: int
    """What is free. Negative: the chain is too long for devices."""
    link_certificate_bytes: int
    """What a link certificate would add, which a later re-key needs."""
    left_with_link: int
    """What would be free with a link certificate. Negative: there is no room for one."""
    pem_bytes: int
    """The size of the chain as PEM. Devices are not known to count it."""


class ReleaseJson(Shape):
    """What is known of a release without reading its certificates. Its private key is in no answer."""

    site: str
    """The name of the site."""
    release: int
    """Its number: 1, 2, 3 and so on within the site."""
    number: int
    """The same as ``release``."""
    state: ReleaseState
    """At most one release of a site is ``current``: its devices get that one."""
    hash: str
    """The hash that devices compare: HMAC-SHA1 of the trust anchor under the site key, as Base64."""
    staged_at: Instant
    """When it was stored. Nothing was served yet."""
    activated_at: Instant | None
    """When it was last activated. Null: never."""
    retired_at: Instant | None
    """When it was retired. Null: it was not."""
    key_destroyed_at: Instant | None
    """Since when its private key is gone, so that no rollback to it is possible. Null: the key is there."""


class CheckedReleaseJson(ReleaseJson):
    """A release with its bytes and the findings of today's checks."""

    budget: BudgetJson
    """How much of a device's memory its chain takes."""
    findings: list[FindingJson]
    """Most severe first. A release with a finding of severity ``error`` cannot be activated."""


class ConfirmationJson(Shape):
    """Which worker processes have read a change. Devices get it everywhere only if the other lists are empty."""

    confirmed: list[str]
    """The workers that serve it."""
    behind: list[str]
    """The workers that have not read it yet."""
    silent: list[str]
    """The workers that stopped reporting without signing off. They may serve what was current before."""
    unable: dict[str, dict[str, str]]
    """The workers that cannot load the release, each with the reason by site. They serve their last good one."""
    late: dict[str, float]
    """The confirmed workers that began to serve it later than the others, each with by how many seconds."""


class DifferenceJson(Shape):
    """One thing that releases have, in both of them."""

    what: str
    """What is compared, such as ``server ends``."""
    first: str
    """How the first release has it."""
    second: str
    """How the second one does."""
    same: bool
    """Whether both have the same."""


class ComparisonJson(Shape):
    """Two releases of one site."""

    site: str
    """The name of the site."""
    first: int
    """The number of one of them."""
    second: int
    """The number of the other one."""
    rows: list[DifferenceJson]
    """What they have, whether it is the same or not."""
    doors: ReceptionJson
    """How the doors that certainly accept the first respond to the second. Other doors do not count."""


def comparison_json(of: ReleaseComparison) -> ComparisonJson:
    """Two releases side by side."""
    rows: list[DifferenceJson] = [
        {"what": each.what, "first": each.first, "second": each.second, "same": each.is_same} for each in of.rows
    ]
    return {
        "site": of.first.release.site,
        "first": of.first.release.number,
        "second": of.second.release.number,
        "rows": rows,
        "doors": reception_json(of.reception),
    }


def budget_json(budget: ByteBudget) -> BudgetJson:
    """The byte budget. All figures are bytes of DER, except ``pem_bytes``."""
    return {
        "certificates": [
            {"role": row.role, "name": row.name, "der_bytes": row.der_bytes, "sent": row.sent} for row in budget.rows
        ],
        "total": budget.total,
        "limit": budget.limit,
        "left": budget.left,
        "link_certificate_bytes": budget.link_certificate_bytes,
        "left_with_link": budget.left_with_link,
        "pem_bytes": budget.pem_bytes,
    }


def release_json(of: Release) -> ReleaseJson:
    """What is known of a release without reading its certificates."""
    return {
        "site": of.site,
        "release": of.number,
        "number": of.number,
        "state": of.state,
        "hash": of.anchor_hash,
        "staged_at": of.staged_at.isoformat(),
        "activated_at": of.activated_at.isoformat() if of.activated_at else None,
        "retired_at": of.retired_at.isoformat() if of.retired_at else None,
        "key_destroyed_at": of.key_destroyed_at.isoformat() if of.key_destroyed_at else None,
    }


def checked_release_json(checked: CheckedRelease) -> CheckedReleaseJson:
    """A release with its bytes and today's findings."""
    return {
        **release_json(checked.release),
        "budget": budget_json(measure(chain_of(checked.release))),
        "findings": [finding_json(finding) for finding in checked.findings],
    }


def confirmation_json(confirmation: Confirmation) -> ConfirmationJson:
    """Which workers serve a change, and which do not."""
    return {
        "confirmed": [each.worker for each in confirmation.confirmed],
        "behind": [each.worker for each in confirmation.behind],
        "silent": [each.worker for each in confirmation.silent],
        "unable": {each.worker: dict(each.trouble) for each in confirmation.unable},
        "late": {each.worker: each.late_seconds or 0.0 for each in confirmation.late},
    }
