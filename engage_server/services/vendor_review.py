"""What is wrong with a vendor's sample as it stands, and which certificate its devices really trust. Pure."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from engage_server.checks import ChainCase, Circumstances, Finding, Severity, run_checks
from engage_server.errors import EngageError, HostInvalid
from engage_server.pki.chain import Chain, is_self_issued
from engage_server.pki.encodings import der, pem
from engage_server.pki.keys import keys_match
from engage_server.pki.names import display_name
from engage_server.pki.path import arrange, find_path
from engage_server.protocol.call_paths import STATIC_CERTIFICATES
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import AnchorRole, Host, Secret
from engage_server.services.vendor_sample import CertificateFile, VendorSample, VendorScript

_SOURCE = "the vendor's page, Configuring the API Host Server"


@dataclass(frozen=True, slots=True)
class VendorReview:
    """What was made of a sample.

    Attributes:
        sample: It.
        anchor: The certificate that devices with this site key trust; None when nothing shows which.
        anchor_name: The file that holds it; "".
        hosts: What devices call, as far as the scripts and the server certificate tell.
        chain: The whole chain of the TLS server; None when it has a gap.
        faults: What is wrong, the gravest first.
    """

    sample: VendorSample
    anchor: x509.Certificate | None
    anchor_name: str
    hosts: tuple[Host, ...]
    chain: Chain | None
    faults: tuple[Finding, ...]

    @property
    def anchor_role(self) -> AnchorRole:
        """What the anchor is in its chain."""
        is_root = self.anchor is None or is_self_issued(self.anchor)
        return AnchorRole.ROOT if is_root else AnchorRole.INTERMEDIATE

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
    anchor_name, anchor = _anchor(sample, key)
    sent = _sent(sample)
    pool = tuple(dict.fromkeys([*sent, *(certificate for _, certificate in sample.certificates())]))
    chain = _chain(sent, pool)
    known = hosts or tuple(_hosts(sample, sent[0] if sent else None))
    found = [
        *_script_faults(sample, key),
        *_file_faults(sample),
        *_chain_faults(sample, sent, chain, anchor, known, now),
    ]
    order = list(Severity)
    faults = tuple(sorted(found, key=lambda each: order.index(each.severity)))
    return VendorReview(sample, anchor, anchor_name, known, chain, faults)


def _anchor(sample: VendorSample, key: Secret) -> tuple[str, x509.Certificate | None]:
    """The one whose hash a script gives: a device takes no other. The file that the notice names first."""
    for script in sample.scripts:
        named = sample.files.get(script.cert_name)
        files = [*([named] if named else []), *sample.files.values()]
        for file in files:
            for certificate in file.bundle.certificates:
                if hashes_equal(anchor_hash(key, der(certificate)), script.hash_text):
                    return file.path.name, certificate
    return "", None


def _sent(sample: VendorSample) -> tuple[x509.Certificate, ...]:
    script = sample.secure_script
    file = sample.loaded(script.cert_file) if script else sample.files.get("partner_server.pem")
    return file.bundle.certificates if file is not None else ()


def _chain(sent: tuple[x509.Certificate, ...], pool: tuple[x509.Certificate, ...]) -> Chain | None:
    if not sent:
        return None
    path = [sent[0]]
    found = find_path(pool).path
    path = list(found) if found and found[0] == sent[0] else path
    if len(path) == 1:
        path = list(find_path((sent[0], *(each for each in pool if each != sent[0]))).path)
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


def _script_faults(sample: VendorSample, key: Secret) -> Iterator[Finding]:
    if not sample.scripts:
        yield _fault("warning", "vendor.no_script", "neither of the two scripts was found", "Put them beside static/.")
    notices = {(each.cert_url, each.hash_text) for each in sample.scripts if each.cert_url}
    if len(notices) > 1:
        yield _fault(
            "error", "vendor.two_notices", "the two scripts give different notices", "Find out which is right."
        )
    for script in sample.scripts:
        if script.cert_url:
            yield from _notice_faults(sample, script, key)


def _notice_faults(sample: VendorSample, script: VendorScript, key: Secret) -> Iterator[Finding]:
    name, where = script.cert_name, script.path.name
    file = sample.files.get(name)
    if not script.cert_url.startswith("http://"):
        yield _fault("error", "vendor.url", f"{where}: cert_url is not plain http://", "Devices can not trust TLS yet.")
    if file is None:
        yield _fault("error", "vendor.no_file", f"{where}: cert_url names {name}, which is not there", "Put it there.")
        return
    if not file.is_der:
        yield _fault(
            "error",
            "vendor.not_der",
            f"{name} is what devices download, and it is not one certificate as DER",
            "openssl x509 -in FILE -outform DER -out partner_CA.der; taken over, devices are given the DER.",
        )
    if file.is_der and hashes_equal(anchor_hash(key, file.content), script.hash_text):
        return
    yield _fault(
        "error",
        "vendor.hash_mismatch",
        f"{where}: its hash is not that of {name} under this site key: {_explained(sample, script, key, file)}",
        "engage hash FILE --site-key-file FILE prints the right one; taken over, it is made by itself.",
    )


def _explained(sample: VendorSample, script: VendorScript, key: Secret, file: CertificateFile) -> str:
    """What it was made of instead, by trying what people do."""
    for name, certificate in sample.certificates():
        if hashes_equal(anchor_hash(key, der(certificate)), script.hash_text):
            return f"it is that of {display_name(certificate.subject)} in {name}"
    for each in sample.files.values():
        texts = (each.content, *(pem([certificate]) for certificate in each.bundle.certificates))
        if any(hashes_equal(anchor_hash(key, text), script.hash_text) for text in texts):
            return f"it was made of the text in {each.path.name}, not of DER"
    raw = key.reveal()
    wrong = {
        "Base64 text": base64.b64encode(raw),
        "hexadecimal text": raw.hex().encode(),
        "upper-case hexadecimal text": raw.hex().upper().encode(),
    }
    for what, text in wrong.items():
        for certificate in file.bundle.certificates:
            if hashes_equal(anchor_hash(Secret(text), der(certificate)), script.hash_text):
                return f"it was made with the {what} of the site key in place of its bytes"
    return "it is that of no certificate here; the site key is another, or the certificate was made anew since"


def _file_faults(sample: VendorSample) -> Iterator[Finding]:
    for name, file in sample.files.items():
        if file.fault and file.path.suffix != ".key":
            yield _fault("warning", "vendor.unreadable", file.fault, "Take it away, or mend it.")
        if file.text_before and file.bundle.certificates:
            yield _fault(
                "note",
                "vendor.text_dump",
                f"{name} begins with {file.text_before} bytes of text, as 'openssl ca' writes them: its size says "
                "nothing about the chain's",
                "openssl x509 -in FILE -out FILE; taken over, only certificates are kept.",
            )
        if file.bundle.keys or (file.fault and b"PRIVATE KEY" in file.content):
            yield _fault(
                "warning",
                "vendor.key_exposed",
                f"{name} holds a private key, and the sample gives every file of its folder to everyone at "
                f"http://HOST{STATIC_CERTIFICATES}{name}",
                "Taken over, no key is given to anyone; but who was there before may have it: plan a cut-over.",
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
        yield _fault("error", "vendor.no_chain", "no server certificate was found", "Look at load_cert_chain.")
        return
    if len(sent) == 1 and not is_self_issued(sent[0]) and (anchor is None or sent[0].issuer != anchor.subject):
        yield _fault(
            "error",
            "vendor.leaf_alone",
            "the TLS server sends its certificate alone: a device with the root as anchor finds no path",
            "Send the intermediate behind it; taken over, it is sent.",
        )
    if anchor is None:
        yield _fault(
            "error", "vendor.no_anchor", "no script gives the hash of a certificate under this site key: no device of "
            "this site can have taken an anchor from here", "Look at the site key first."
        )  # fmt: skip
    elif chain is not None and anchor not in chain:
        yield _fault(
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
    """The same rules as for every chain."""
    role = AnchorRole.ROOT if anchor is None or is_self_issued(anchor) else AnchorRole.INTERMEDIATE
    script = sample.secure_script
    key_file = sample.loaded(script.key_file) if script and script.key_file else sample.files.get("partner_server.key")
    public = key_file.bundle.keys[0].public_key() if key_file is not None and key_file.bundle.keys else None
    at = Circumstances(now, hosts, role, public)
    try:
        path = tuple(chain) if chain is not None else tuple(dict.fromkeys(each for _, each in sample.certificates()))
        yield from run_checks(ChainCase.of_certificates(path or sent, at))
    except EngageError as error:
        yield _fault("error", "vendor.unreadable", error.sentence, error.next_step)


def _fault(severity: str, code: str, sentence: str, mend: str) -> Finding:
    return Finding(Severity(severity), code, sentence, "", _SOURCE, mend)
