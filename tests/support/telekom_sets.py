"""A complete exchange with Telekom, right in everything, and what a test changes in it.

Everything is built in memory: no file is read, and no key is encrypted. What is read from files has its own tests.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from engage_server.links.telekom.certificates.organisation import Organisation
from engage_server.links.telekom.certificates.profiles import PROFILES
from engage_server.links.telekom.exchange.case import Case
from engage_server.links.telekom.exchange.exchange_set import (
    ExchangeSet,
    FoundCertificate,
    FoundKey,
    FoundRequest,
    FoundSecret,
    FoundUrl,
    ServedCertificate,
)
from engage_server.links.telekom.exchange.sheet import ITEMS, OWN, THEIRS, Kind
from tests.support.chains import NOW, key
from tests.support.telekom import PASSPHRASE, SAMPLE, organisation_toml

DAY = timedelta(days=1)
WARN_WITHIN = 30 * DAY
SECOND = timedelta(seconds=1)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KEY_NUMBERS = {sign: number for number, sign in enumerate(OWN + THEIRS, start=10)}
URLS = {
    "5": "https://ta.sample.org/telekom/ta/m2madmcl",
    "6": "https://ta.sample.org/telekom/ta/m2mmoncl",
    "7": "https://m2m.sample.org/telekom/pe/m2madmcl",
    "8": "https://m2m.sample.org:443/telekom/pe/m2mmoncl",
    "E": "https://b2b.example.net/ta/m2madm",
    "F": "https://b2b.example.net/ta/m2mmon",
    "G": "https://b2b.example.net/pe/m2madm",
    "H": "https://b2b.example.net/pe/m2mmon",
}


def common_name(text: str) -> x509.Name:
    """A name of a CA, or of one of Telekom's certificates."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Authority:
    """A CA that issues: its key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate


def authority(name: str, number: int, *, until: datetime = NOW + 4000 * DAY, ca: bool = True) -> Authority:
    """A root, with one of the keys of the whole run."""
    private = key(number)
    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(common_name(name))
        .public_key(private.public_key())
        .serial_number(number)
        .not_valid_before(NOW - 1000 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    )
    return Authority(private, builder.sign(private, hashes.SHA256()))


@dataclass
class Draft:
    """A certificate before it is signed. Defaults are right."""

    subject: x509.Name
    key: PrivateKey
    extensions: dict[str, x509.ExtensionType]
    issuer: Authority
    since: datetime = NOW - 10 * DAY
    until: datetime = NOW - 10 * DAY + 1096 * DAY
    self_signed: bool = False

    def issued(self) -> x509.Certificate:
        """The certificate."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.subject if self.self_signed else self.issuer.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(77)
            .not_valid_before(self.since)
            .not_valid_after(self.until)
        )
        for each in self.extensions.values():
            builder = builder.add_extension(each, False)
        return builder.sign(self.key if self.self_signed else self.issuer.key, hashes.SHA256())


@dataclass
class Plan:
    """Everything that a test may change."""

    drafts: dict[str, Draft]
    authorities: list[x509.Certificate]
    instead: dict[str, x509.Certificate] = field(default_factory=dict)  # certificates that are not built from a draft
    along: list[FoundCertificate] = field(default_factory=list)
    private: dict[str, PrivateKey | None] = field(default_factory=dict)  # where it is not the draft's; None: locked
    without_key: set[str] = field(default_factory=set)
    unencrypted: set[str] = field(default_factory=set)
    open_to_others: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    requests: dict[str, x509.CertificateSigningRequest] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=lambda: dict(URLS))
    organisation: Organisation | None = SAMPLE
    served: dict[str, x509.Certificate] = field(default_factory=dict)
    unplaced: tuple[str, ...] = ()
    now: datetime = NOW

    def case(self) -> Case:
        """The set, and the circumstances."""
        certificates = {sign: draft.issued() for sign, draft in self.drafts.items()} | self.instead
        found = ExchangeSet(
            certificates=(
                *(FoundCertificate(sign, f"{sign}_.pem", each) for sign, each in certificates.items()),
                *self.along,
            ),
            keys=tuple(self._key(sign) for sign in OWN if sign not in self.without_key),
            requests=tuple(FoundRequest(sign, f"{sign}_.csr", each) for sign, each in self.requests.items()),
            urls=tuple(FoundUrl(sign, f"{sign}_.url", url) for sign, url in self.urls.items()),
            secrets=tuple(
                FoundSecret(sign, f"{sign}_.secret", sign in self.empty, sign in self.open_to_others) for sign in "9JK"
            ),
            authorities=tuple(self.authorities),
            served=tuple(ServedCertificate(sign, f"[hosts.{sign}]", each) for sign, each in self.served.items()),
            unplaced=self.unplaced,
            organisations=() if self.organisation is None else (self.organisation,),
        )
        return Case(found, self.now, WARN_WITHIN)

    def _key(self, sign: str) -> FoundKey:
        private = self.private.get(sign, self.drafts[sign].key)
        public = None if private is None else private.public_key()
        is_open = sign in self.open_to_others
        return FoundKey(sign, f"{sign}_-PrivateKey.pem", public, sign not in self.unencrypted, is_open)


def right_plan() -> Plan:
    """A set in which nothing is wrong and nothing is missing."""
    root = authority("Root of Telekom", 8)
    drafts = {profile.sign: _own_draft(profile.sign, root) for profile in PROFILES}
    for sign in THEIRS:
        private = key(KEY_NUMBERS[sign])
        names = x509.SubjectAlternativeName([x509.DNSName("b2b.example.net")])
        drafts[sign] = Draft(common_name("b2b.example.net"), private, {"san": names}, root)
    return Plan(drafts, [root.certificate])


def _own_draft(sign: str, issuer: Authority) -> Draft:
    profile = next(each for each in PROFILES if each.sign == sign)
    private = key(KEY_NUMBERS[sign])
    hosts = [SAMPLE.host(profile.environment)] if sign in "24" else []
    names = ("constraints", "usage", "extended", "comment", "identifier", "san")
    extensions = dict(zip(names, profile.extensions(private.public_key(), hosts), strict=False))
    return Draft(SAMPLE.subject(profile), private, extensions, issuer)


def renamed(subject: x509.Name, changes: Mapping[x509.ObjectIdentifier, str | None]) -> x509.Name:
    """A name with other values for some attributes; None leaves one out."""
    kept = [each for each in subject if changes.get(each.oid, "") is not None]
    return x509.Name([x509.NameAttribute(each.oid, changes.get(each.oid) or str(each.value)) for each in kept])


def issued_by_openssl(draft: Draft, folder: Path, *options: str) -> x509.Certificate:
    """The draft as ``openssl x509`` issues it: with options that our library does not have, such as ``-sha1``."""
    issuer_key = draft.issuer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    request = x509.CertificateSigningRequestBuilder().subject_name(draft.subject)
    for each in draft.extensions.values():
        request = request.add_extension(each, False)
    (folder / "x.csr").write_bytes(request.sign(draft.key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "ca.pem").write_bytes(draft.issuer.certificate.public_bytes(Encoding.PEM))
    (folder / "ca.key").write_bytes(issuer_key)
    command = ["openssl", "x509", "-req", "-in", "x.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "900"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, check=True)
    return x509.load_pem_x509_certificate(done.stdout)


def root_by_openssl(issuer: Authority, folder: Path, *options: str) -> x509.Certificate:
    """A root with the name and key of another, as ``openssl req -x509`` makes it."""
    private = issuer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "root.key").write_bytes(private)
    subject = "/" + issuer.certificate.subject.rfc4514_string()
    command = ["openssl", "req", "-x509", "-key", "root.key", "-subj", subject, "-days", "900", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return x509.load_pem_x509_certificate(done.stdout)


def write_plan(plan: Plan, folder: Path) -> None:
    """Write the set as files whose names begin with their signs; keys are encrypted with the tests' passphrase."""
    folder.mkdir(exist_ok=True)
    encryption = BestAvailableEncryption(PASSPHRASE)
    for sign, draft in plan.drafts.items():
        (folder / f"{sign}_x.pem").write_bytes(draft.issued().public_bytes(Encoding.PEM))
        if sign in OWN:
            private = draft.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
            _secretly(folder / f"{sign}_x-PrivateKey.pem", private)
    for number, each in enumerate(plan.authorities):
        (folder / f"ca{number}.pem").write_bytes(each.public_bytes(Encoding.PEM))
    for sign, url in plan.urls.items():
        (folder / f"{sign}_x.url").write_text(url + "\n")
    for sign in "9JK":
        _secretly(folder / f"{sign}_x.secret", b"not shown\n")
    if plan.organisation is not None:
        (folder / "organisation.toml").write_text(organisation_toml(plan.organisation), encoding="utf-8")


def links_toml(folder: str) -> str:
    """A ``links.toml`` that names the files of :func:`write_plan` in a folder beside it."""
    lines = [
        "[telekom]",
        f'organisation_file = "{folder}/organisation.toml"',
        f'sender_id_file = "{folder}/K_x.secret"',
    ]
    for environment in ("ta", "pe"):
        lines.append(f"[telekom.{environment}]")
        for item in ITEMS.values():
            if item.environment != environment:
                continue
            ending = {Kind.CERTIFICATE: "pem", Kind.URL: "", Kind.SECRET: "secret"}[item.kind]
            value = URLS[item.sign] if item.kind is Kind.URL else f"{folder}/{item.sign}_x.{ending}"
            lines.append(f'{item.key} = "{value}"')
        for use, sign in zip(("sign", "ssl"), "12" if environment == "ta" else "34", strict=True):
            lines.append(f'{use}_key_file = "{folder}/{sign}_x-PrivateKey.pem"')
            lines.append(f'{use}_key_passphrase_file = "{folder}.passphrase"')
    return "\n".join(lines) + "\n"


def _secretly(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
