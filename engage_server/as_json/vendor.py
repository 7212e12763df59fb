"""The vendor's sample, and what was imported."""

from collections.abc import Sequence
from typing import Any

from engage_server.services.vendor.review import VendorReview


def review_json(found: VendorReview, done: Sequence[str]) -> dict[str, Any]:
    """The findings, the certificate that its devices trust, and the steps that were done."""
    findings = [
        {
            "severity": str(each.severity),
            "code": each.code,
            "certificate": each.certificate,
            "sentence": each.sentence,
            "mend": each.mend,
        }
        for each in found.faults
    ]
    return {
        "folder": str(found.sample.folder),
        "scripts": [{"file": each.path.name, "notice": str(each.notice)} for each in found.sample.scripts],
        "anchor": found.anchor_name or None,
        "anchor_is_held": found.is_held,
        "anchor_role": str(found.anchor_role) if found.anchor is not None else None,
        "hosts": [host.text for host in found.hosts],
        "devices": found.sample.devices.serials,
        "device_faults": found.sample.devices.faults,
        "findings": findings,
        "faults": findings,
        "done": list(done),
    }
