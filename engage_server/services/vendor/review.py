"""Reviews a vendor's sample: its faults, and the certificate that its devices really trust. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.errors import EngageError, HostInvalid
from engage_server.pki.chain import Chain, is_self_issued
from engage_server.pki.keys import keys_match
from engage_server.pki.names import display_name
from engage_server.pki.paths.path import arrange, find_path
from engage_server.protocol.paths import STATIC_CERTIFICATES
from engage_server.records import AnchorRole, Host, Secret
from engage_server.services.vendor.anchor import find_anchor
from engage_server.services.vendor.notice_faults import script_faults, vendor_fault
from engage_server.services.vendor.sample import VendorSample


@dataclass(frozen=True, slots=True)
class VendorReview:
    """The result of a review.

    Attributes:
        sample: The contents of the folder: scripts, certificates, keys, devices' files.
        anchor: The certificate that devices with this site key trust, or were meant to trust; None if unknown.
        anchor_name: The file with the anchor; "" if unknown.
        is_held: Whether devices can have accepted it. False if its hash was made wrongly, so that no device has it.
        hosts: The hosts that devices call, as far as the scripts and the server certificate show.
        chain: The whole chain of the TLS server; None if it is incomplete.
        faults: The faults, the most serious first.
    """

    sample: VendorSample
    anchor: x509.Certificate | None
    anchor_name: str
    is_held: bool
    hosts: tuple[Host, ...]
    chain: Chain | None
    faults: tuple[Finding, ...]

    @property
    def anchor_role(self) -> AnchorRole:
        """The role of the anchor in its chain."""
        is_root = self.anchor is None or is_self_issued(self.anchor)
        return AnchorRole.ROOT if is_root else AnchorRole.INTERMEDIATE

    @property
    def no_anchor(self) -> str:
        """Why it is not known which certificate devices trust."""
        if any(script.has_hash for script in self.sample.scripts):
            return "no hash matches this site key"
        return "no notice could be read from the scripts"

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The faults that prevent devices from connecting."""
        return tuple(each for each in self.faults if each.severity is Severity.ERROR)

    def key_of(self, certificate: x509.Certificate) -> object | None:
        """The private key that belongs to a certificate, if it is in the sample and could be read."""
        for file in self.sample.files.values():
            for key in file.bundle.keys:
                if keys_match(key, certificate.public_key()):
                    return key
        return None


def review(sample: VendorSample, key: Secret, hosts: tuple[Host, ...], now: datetime) -> VendorReview:
    """Review a sample.

    Args:
        sample: The contents of the folder.
        key: The site key of its devices.
        hosts: The hosts that devices call, if the operator named them; otherwise they are read from the sample.
        now: The time, timezone-aware.
    """
    match, is_held = find_anchor(sample, key)
    anchor = match.certificate if match is not None else None
    sent = _sent(sample)
    pool = tuple(dict.fromkeys([*sent, *(certificate for _, certificate in sample.certificates())]))
    chain = _chain(sent, pool, now)
    known = hosts or tuple(_hosts(sample, sent[0] if sent else None))
    found = [
        *script_faults(sample, key),
        *_file_faults(sample),
        *_chain_faults(sample, sent, chain, anchor, known, now),
    ]
    order = list(Severity)
    faults = tuple(sorted(found, key=lambda each: order.index(each.severity)))
    return VendorReview(
        sample=sample,
        anchor=anchor,
        anchor_name=match.name if match else "",
        is_held=is_held,
        hosts=known,
        chain=chain,
        faults=faults,
    )


def _sent(sample: VendorSample) -> tuple[x509.Certificate, ...]:
    script = sample.secure_script
    file = sample.loaded(script.cert_file) if script else sample.files.get("partner_server.pem")
    return file.bundle.certificates if file is not None else ()


def _chain(sent: tuple[x509.Certificate, ...], pool: tuple[x509.Certificate, ...], now: datetime) -> Chain | None:
    if not sent:
        return None
    path = [sent[0]]
    found = find_path(pool, now=now).path
    path = list(found) if found and found[0] == sent[0] else path
    if len(path) == 1:
        path = list(find_path((sent[0], *(each for each in pool if each != sent[0])), now=now).path)
    try:
        chain = arrange(path)
    except EngageError:
        return None
    return chain if chain.server == sent[0] else None


def _hosts(sample: VendorSample, server: x509.Certificate | None) -> Iterator[Host]:
    """The hosts in the notices' addresses, then those that the scripts listen on, then those of the certificate."""
    texts = [script.cert_url.partition("://")[2].partition("/")[0] for script in sample.scripts]
    texts += [script.run_host for script in sample.scripts]
    if server is not None:
        texts += [str(each.value) for each in server.subject if each.oid == x509.NameOID.COMMON_NAME]
    seen = set()
    for text in texts:
        try:
            host = Host.parse(text.partition(":")[0] if text.count(":") == 1 else text)
        except HostInvalid:
            continue
        if host.text not in seen and host.text not in ("0.0.0.0", "127.0.0.1", "::", "localhost"):  # noqa: S104  # left out
            seen.add(host.text)
            yield host


def _file_faults(sample: VendorSample) -> Iterator[Finding]:
    for file in sample.files.values():
        if file.fault and file.path.suffix != ".key":
            yield vendor_fault("warning", "vendor.unreadable", file.fault, "Remove it, or fix it.")
    dumps = {name: file.text_before for name, file in sample.files.items() if file.text_before and not file.fault}
    if dumps:
        told = ", ".join(f"{name} ({count} bytes)" for name, count in dumps.items())
        yield vendor_fault(
            "note",
            "vendor.text_dump",
            f"there is text before the certificate, as 'openssl ca' writes it: {told}. So the size of the file is not "
            "the size of the chain",
            "openssl x509 -in FILE -out FILE. The import keeps only certificates.",
        )
    keys = [name for name, file in sample.files.items() if file.bundle.keys or b"PRIVATE KEY" in file.content]
    if keys:
        yield vendor_fault(
            "warning",
            "vendor.key_exposed",
            f"the sample gives every file of its folder to everyone, even private keys: {', '.join(keys)} below "
            f"http://HOST{STATIC_CERTIFICATES}",
            "After the import, no key is given to anyone. But somebody may have them: plan a cut-over to a new root.",
        )


def _chain_faults(
    sample: VendorSample,
    sent: tuple[x509.Certificate, ...],
    chain: Chain | None,
    anchor: x509.Certificate | None,
    hosts: tuple[Host, ...],
    now: datetime,
) -> Iterator[Finding]:
    if not sent:
        yield vendor_fault(
            "error", "vendor.no_chain", "no server certificate was found", "Check load_cert_chain in the script."
        )
        return
    if len(sent) == 1 and not is_self_issued(sent[0]) and (anchor is None or sent[0].issuer != anchor.subject):
        yield vendor_fault(
            "error",
            "vendor.leaf_alone",
            "the TLS server sends only its own certificate: a device with the root as anchor finds no path",
            "Send the intermediate after it. After the import, it is sent.",
        )
    has_notice = any(each.has_hash for each in sample.scripts)
    if anchor is None and not has_notice:
        yield vendor_fault(
            "error",
            "vendor.no_anchor",
            "no notice could be read from the scripts, so it is not known which certificate devices trust. The site "
            "key was not checked",
            "See above what could not be read.",
        )
    elif anchor is None:
        yield vendor_fault(
            "error", "vendor.no_anchor", "no script has the hash of a certificate with this site key: no device of "
            "this site can have accepted an anchor from here", "Check the site key first."
        )  # fmt: skip
    elif chain is not None and anchor not in chain:
        yield vendor_fault(
            "error",
            "vendor.anchor_elsewhere",
            f"devices trust {display_name(anchor.subject)}, but the TLS server's chain does not lead to it",
            "Every device is in a loop: notice, download, failed TLS. Give them the chain's root, or serve its chain.",
        )
    yield from _check_findings(sample, sent, chain, anchor, hosts, now)


def _check_findings(
    sample: VendorSample,
    sent: tuple[x509.Certificate, ...],
    chain: Chain | None,
    anchor: x509.Certificate | None,
    hosts: tuple[Host, ...],
    now: datetime,
) -> Iterator[Finding]:
    """The findings of ``engage chain check`` for the sample's chain; if it is incomplete, for its certificates."""
    role = AnchorRole.ROOT if anchor is None or is_self_issued(anchor) else AnchorRole.INTERMEDIATE
    script = sample.secure_script
    key_file = sample.loaded(script.key_file) if script and script.key_file else sample.files.get("partner_server.key")
    public = key_file.bundle.keys[0].public_key() if key_file is not None and key_file.bundle.keys else None
    at = Circumstances(now, hosts, role, public)
    try:
        path = tuple(chain) if chain is not None else tuple(dict.fromkeys(each for _, each in sample.certificates()))
        yield from run_checks(ChainCase.of_certificates(path or sent, at))
    except EngageError as error:
        yield vendor_fault("error", "vendor.unreadable", error.sentence, error.next_step)
