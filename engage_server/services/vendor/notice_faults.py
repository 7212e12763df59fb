"""What is wrong with the notices of a vendor's sample. Pure."""

from collections.abc import Iterator

from engage_server.checks import Finding, Severity
from engage_server.pki.names import display_name
from engage_server.protocol.paths import NOTICE
from engage_server.records import Secret
from engage_server.services.vendor.anchor import HashMatch, is_hash, match_of
from engage_server.services.vendor.sample import VendorSample
from engage_server.services.vendor.script import NoticeReading, VendorScript
from engage_server.services.vendor.source_text import UNKNOWN

_SOURCE = "the vendor's page, Configuring the API Host Server"


def vendor_fault(severity: str, code: str, sentence: str, mend: str) -> Finding:
    """A finding about a sample."""
    return Finding(Severity(severity), code, sentence=sentence, certificate="", source=_SOURCE, mend=mend)


def script_faults(sample: VendorSample, key: Secret) -> Iterator[Finding]:
    """What is wrong with the scripts: what cannot be read in them, what is not given, and what no device would take."""
    if not sample.scripts:
        yield vendor_fault(
            "warning", "vendor.no_script", "neither of the two scripts was found", "Put them beside static/."
        )
    by_notice: dict[tuple[str, str], list[VendorScript]] = {}
    yield from _unread_notices(sample)
    yield from _no_json(sample)
    for script in sample.scripts:
        if script.has_hash:
            by_notice.setdefault((script.cert_url, script.hash_text), []).append(script)
    if len(by_notice) > 1:
        yield vendor_fault(
            "error", "vendor.two_notices", "the two scripts give different notices", "Find out which is right."
        )
    for scripts in by_notice.values():
        where = " and ".join(each.path.name for each in scripts)
        yield from _notice_faults(sample, scripts[0], where, key)


def _unread_notices(sample: VendorSample) -> Iterator[Finding]:
    """Where devices get none, or where only a run of the script would show it."""
    for script in sample.notices(NoticeReading.RETURNS_NOTHING):
        yield vendor_fault(
            "error",
            "vendor.returns_nothing",
            f"{script.path.name}: the route of the notice returns None, because no text stands behind a 'return' in "
            "it: no device ever gets a notice",
            "Write the text on the same line as return; taken over, devices get the notice.",
        )
    for script in sample.notices(NoticeReading.UNREADABLE):
        yield vendor_fault(
            "warning",
            "vendor.notice_unreadable",
            f"{script.path.name}: its notice cannot be read out of the script, which makes it when it runs: it is not "
            "known which certificate it names, or with which hash",
            f"Ask the running sample: curl http://HOST{NOTICE}; in a copy of the script return this very text, and "
            "run this again on the copy.",
        )


def _no_json(sample: VendorSample) -> Iterator[Finding]:
    for script in sample.scripts:
        if not script.is_json:
            yield vendor_fault(
                "warning",
                "vendor.not_json",
                f"{script.path.name}: its notice is no JSON, so a device may not read it: JSON has double quotes alone",
                "Return it by jsonify(...); taken over, devices get JSON.",
            )


def _notice_faults(sample: VendorSample, script: VendorScript, where: str, key: Secret) -> Iterator[Finding]:
    name = script.cert_name
    file = sample.files.get(name)
    if not script.cert_url.startswith(("http://", UNKNOWN)):
        yield vendor_fault(
            "error", "vendor.url", f"{where}: cert_url is not plain http://", "Devices cannot trust TLS yet."
        )
    if file is None and name:
        yield vendor_fault(
            "error", "vendor.no_file", f"{where}: cert_url names {name}, which is not there", "Put it there."
        )
    if file is None:
        return
    if not file.is_der:
        yield vendor_fault(
            "error",
            "vendor.not_der",
            f"{name} is what devices download, and it is not one certificate as DER",
            "openssl x509 -in FILE -outform DER -out partner_CA.der; taken over, devices are given the DER.",
        )
        match = match_of(sample, script, key)
        if match is not None and match.certificate in file.bundle.certificates and not match.wrongly:
            return  # the hash is right, of what the file should be
    if is_hash(script, key, file.content):
        return
    yield vendor_fault(
        "error",
        "vendor.hash_mismatch",
        f"{where}: its hash is not that of {name} under this site key: {_explained(match_of(sample, script, key))}",
        "engage hash FILE --site-key-file FILE prints the right one; taken over, it is made by itself.",
    )


def _explained(match: HashMatch | None) -> str:
    if match is None:
        return "it is that of no certificate here; the site key is another, or the certificate was made anew since"
    if match.wrongly:
        return match.wrongly
    return f"it is that of {display_name(match.certificate.subject)} in {match.name}"
