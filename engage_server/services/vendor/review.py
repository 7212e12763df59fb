"""What is wrong with a vendor's sample as it stands, and which certificate its devices really trust. Pure."""

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
    """What was made of a sample.

    Attributes:
        sample: What was read from the folder: scripts, certificates, keys, devices' files.
        anchor: The certificate that devices with this site key trust, or were meant to; None when nothing shows which.
        anchor_name: The file that holds it; "".
        is_held: Whether devices could take it: False where its hash was made wrongly, so that none has it.
        hosts: What devices call, as far as the scripts and the server certificate tell.
        chain: The whole chain of the TLS server; None when it has a gap.
        faults: What is wrong, the gravest first.
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
        """What the anchor is in its chain."""
        is_root = self.anchor is None or is_self_issued(self.anchor)
        return AnchorRole.ROOT if is_root else AnchorRole.INTERMEDIATE

    @property
    def no_anchor(self) -> str:
        """Why it is not known which certificate devices trust."""
        if any(script.has_hash for script in self.sample.scripts):
            return "no hash fits to this site key"
        return "no notice could be read out of the scripts"

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those that keep a device from its host."""
        return tuple(each for each in self.faults if each.severity is Severity.ERROR)

    def key_of(self, certificate: x509.Certificate) -> object | None:
        """The private key that belongs to a certificate, if it lies there and could be opened."""
        for file in self.sample.files.values():
            for key in file.bundle.keys:
                if keys_match(key, certificate.public_key()):
                    return key
        return None


def review(sample: VendorSample, key: Secret, hosts: tuple[Host, ...], now: datetime) -> VendorReview:
    """Look at everything.

    Args:
        sample: What was read.
        key: The site key of its devices.
        hosts: What devices call, if the operator says so; else it is taken from the scripts.
        now: Aware.
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
    """Of the addresses in the notices, then what the scripts listen on, then what the certificate is for."""
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
            yield vendor_fault("warning", "vendor.unreadable", file.fault, "Take it away, or mend it.")
    dumps = {name: file.text_before for name, file in sample.files.items() if file.text_before and not file.fault}
    if dumps:
        told = ", ".join(f"{name} ({count} bytes)" for name, count in dumps.items())
        yield vendor_fault(
            "note",
            "vendor.text_dump",
            f"text stands before the certificate, as 'openssl ca' writes it: {told}; a file's size says nothing about "
            "the chain's",
            "openssl x509 -in FILE -out FILE; taken over, only certificates are kept.",
        )
    keys = [name for name, file in sample.files.items() if file.bundle.keys or b"PRIVATE KEY" in file.content]
    if keys:
        yield vendor_fault(
            "warning",
            "vendor.key_exposed",
            f"the sample gives every file of its folder to everyone, private keys too: {', '.join(keys)} below "
            f"http://HOST{STATIC_CERTIFICATES}",
            "Taken over, no key is given to anyone; but somebody may have them since: plan a cut-over to a new root.",
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
        yield vendor_fault("error", "vendor.no_chain", "no server certificate was found", "Look at load_cert_chain.")
        return
    if len(sent) == 1 and not is_self_issued(sent[0]) and (anchor is None or sent[0].issuer != anchor.subject):
        yield vendor_fault(
            "error",
            "vendor.leaf_alone",
            "the TLS server sends its certificate alone: a device with the root as anchor finds no path",
            "Send the intermediate behind it; taken over, it is sent.",
        )
    has_notice = any(each.has_hash for each in sample.scripts)
    if anchor is None and not has_notice:
        yield vendor_fault(
            "error",
            "vendor.no_anchor",
            "no notice could be read out of the scripts, so it is not known which certificate devices trust; nothing "
            "is said about the site key",
            "See above what could not be read.",
        )
    elif anchor is None:
        yield vendor_fault(
            "error", "vendor.no_anchor", "no script gives the hash of a certificate under this site key: no device of "
            "this site can have taken an anchor from here", "Look at the site key first."
        )  # fmt: skip
    elif chain is not None and anchor not in chain:
        yield vendor_fault(
            "error",
            "vendor.anchor_elsewhere",
            f"devices trust {display_name(anchor.subject)}, and the TLS server's chain does not lead to it",
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
    """What ``engage chain check`` says of the sample's chain, or of its certificates where the chain has a gap."""
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
