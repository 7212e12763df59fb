"""Finds faults in the notices of a vendor's sample. Pure."""

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
    """The faults of the scripts: notices that cannot be read, are never given, or that no device would accept."""
    if not sample.scripts:
        yield vendor_fault(
            "warning", "vendor.no_script", "neither of the two scripts was found", "Put them next to static/."
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
    """The faults of scripts that give devices no notice, or whose notice only a run would show."""
    for script in sample.notices(NoticeReading.RETURNS_NOTHING):
        yield vendor_fault(
            "error",
            "vendor.returns_nothing",
            f"{script.path.name}: the route of the notice returns None, because a 'return' in it has no text behind "
            "it. No device ever gets a notice",
            "Write the text on the same line as return. After the import, devices get the notice.",
        )
    for script in sample.notices(NoticeReading.UNREADABLE):
        yield vendor_fault(
            "warning",
            "vendor.notice_unreadable",
            f"{script.path.name}: its notice cannot be read from the script, which makes it when it runs. Its "
            "certificate and hash are not known",
            f"Ask the running sample: curl http://HOST{NOTICE}. In a copy of the script return exactly this text, and "
            "run this again on the copy.",
        )


def _no_json(sample: VendorSample) -> Iterator[Finding]:
    for script in sample.scripts:
        if not script.is_json:
            yield vendor_fault(
                "warning",
                "vendor.not_json",
                f"{script.path.name}: its notice is not JSON, so a device may not read it. JSON has only double quotes",
                "Return it by jsonify(...). After the import, devices get JSON.",
            )


def _notice_faults(sample: VendorSample, script: VendorScript, where: str, key: Secret) -> Iterator[Finding]:
    name = script.cert_name
    file = sample.files.get(name)
    if not script.cert_url.startswith(("http://", UNKNOWN)):
        yield vendor_fault(
            "error",
            "vendor.url",
            f"{where}: cert_url is not plain http://",
            "Use http://: devices do not trust any TLS chain yet.",
        )
    if file is None and name:
        yield vendor_fault(
            "error", "vendor.no_file", f"{where}: cert_url names {name}, which does not exist", "Put the file there."
        )
    if file is None:
        return
    if not file.is_der:
        yield vendor_fault(
            "error",
            "vendor.not_der",
            f"devices download {name}, but it is not one certificate as DER",
            "openssl x509 -in FILE -outform DER -out partner_CA.der. After the import, devices get the DER.",
        )
        match = match_of(sample, script, key)
        if match is not None and match.certificate in file.bundle.certificates and not match.wrongly:
            return  # the hash is right for the DER that the file should be
    if is_hash(script, key, file.content):
        return
    yield vendor_fault(
        "error",
        "vendor.hash_mismatch",
        f"{where}: its hash is not the one of {name} with this site key: {_explained(match_of(sample, script, key))}",
        "engage hash FILE --site-key-file FILE prints the right one. After the import, it is computed for you.",
    )


def _explained(match: HashMatch | None) -> str:
    if match is None:
        return "no certificate here has it. The site key is another one, or the certificate was made again since"
    if match.wrongly:
        return match.wrongly
    return f"it is the one of {display_name(match.certificate.subject)} in {match.name}"
