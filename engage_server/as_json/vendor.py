"""The vendor's sample, and what was imported."""

from collections.abc import Sequence

from engage_server.as_json.formats import Shape
from engage_server.checks.finding import Finding, Severity
from engage_server.records import AnchorRole
from engage_server.services.vendor.review import VendorReview
from engage_server.services.vendor.script import NoticeReading


class VendorFaultJson(Shape):
    """One fault of the vendor's sample."""

    severity: Severity
    """``error``: devices cannot connect because of it."""
    code: str
    """Stable, for scripts."""
    certificate: str
    """The common name of the certificate, or the name of a file. Empty for the whole sample."""
    sentence: str
    """What was found."""
    mend: str
    """How to fix it."""


class VendorScriptJson(Shape):
    """One script of the vendor's sample."""

    file: str
    """Its name."""
    notice: NoticeReading
    """What could be read of its answer to devices."""


class VendorReviewJson(Shape):
    """What the vendor's sample has, and what was imported of it."""

    folder: str
    """The folder on this host."""
    scripts: list[VendorScriptJson]
    """Its scripts. None of them was run."""
    anchor: str | None
    """The file with the certificate that its devices trust. Null: not known."""
    anchor_is_held: bool
    """Whether devices can have accepted it. False if its hash was made wrongly."""
    anchor_role: AnchorRole | None
    """Where that certificate stands in its chain. Null: not known."""
    hosts: list[str]
    """The hosts that its devices call."""
    devices: list[str]
    """The serial numbers of its devices."""
    device_faults: list[str]
    """What is wrong with devices' files, in words."""
    findings: list[VendorFaultJson]
    """Most severe first."""
    faults: list[VendorFaultJson]
    """The same as ``findings``."""
    done: list[str]
    """What was imported, in words."""


def review_json(found: VendorReview, done: Sequence[str]) -> VendorReviewJson:
    """The findings, the certificate that its devices trust, and the steps that were done."""
    findings = [_fault_json(each) for each in found.faults]
    return {
        "folder": str(found.sample.folder),
        "scripts": [{"file": each.path.name, "notice": each.notice} for each in found.sample.scripts],
        "anchor": found.anchor_name or None,
        "anchor_is_held": found.is_held,
        "anchor_role": found.anchor_role if found.anchor is not None else None,
        "hosts": [host.text for host in found.hosts],
        "devices": found.sample.devices.serials,
        "device_faults": found.sample.devices.faults,
        "findings": findings,
        "faults": findings,
        "done": list(done),
    }


def _fault_json(fault: Finding) -> VendorFaultJson:
    return {
        "severity": fault.severity,
        "code": fault.code,
        "certificate": fault.certificate,
        "sentence": fault.sentence,
        "mend": fault.mend,
    }
