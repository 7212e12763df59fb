"""Releases: their facts, bytes and findings, and which workers serve them."""

from typing import Any

from engage_server.checks.reports.json_report import finding_json
from engage_server.pki.byte_budget import ByteBudget, measure
from engage_server.records import Release
from engage_server.services.releases.confirmation import Confirmation
from engage_server.services.releases.lifecycle import CheckedRelease, chain_of


def budget_json(budget: ByteBudget) -> dict[str, Any]:
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


def release_json(of: Release) -> dict[str, Any]:
    """What is known of a release without reading its certificates."""
    return {
        "site": of.site,
        "release": of.number,
        "number": of.number,
        "state": of.state.value,
        "hash": of.anchor_hash,
        "staged_at": of.staged_at.isoformat(),
        "activated_at": of.activated_at.isoformat() if of.activated_at else None,
        "retired_at": of.retired_at.isoformat() if of.retired_at else None,
        "key_destroyed_at": of.key_destroyed_at.isoformat() if of.key_destroyed_at else None,
    }


def checked_release_json(checked: CheckedRelease) -> dict[str, Any]:
    """A release with its bytes and today's findings."""
    return {
        **release_json(checked.release),
        "budget": budget_json(measure(chain_of(checked.release))),
        "findings": [finding_json(finding) for finding in checked.findings],
    }


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """Which workers serve a change, and which do not."""
    return {
        "confirmed": [each.worker for each in confirmation.confirmed],
        "behind": [each.worker for each in confirmation.behind],
        "silent": [each.worker for each in confirmation.silent],
        "unable": {each.worker: dict(each.trouble) for each in confirmation.unable},
    }
