"""Chains with one defect each, and the findings that must come: the checker's corpus.

Each function changes the drafts of a right chain in one way, and its docstring says which. What is expected stands in
the decorator; findings that are missing **and** findings that are not expected fail.
"""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from engage_server.checks import ChainCase, Circumstances
from engage_server.checks.profile import ANY, DeviceProfile
from engage_server.pki.encodings import assert_readable
from engage_server.pki.issuing import authority, profiles
from engage_server.pki.warnings_of_cryptography import quietly
from engage_server.records import AnchorRole, Host
from tests.support import respelling
from tests.support.chains import HOSTS, NOW, key

ROLES = ("root", "intermediate", "server")
DAY = timedelta(days=1)

_NETSCAPE_TYPE = x509.ObjectIdentifier("2.16.840.1.113730.1.1")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Draft:
    """One certificate before it is signed. Defaults are right for the role that :func:`right_drafts` gives it."""

    name: x509.Name
    key: PrivateKey
    until: datetime
    ca: bool
    path_length: int | None = None
    since: datetime = NOW - 7 * DAY
    usages: frozenset[str] | None = frozenset()
    extended: tuple[x509.ObjectIdentifier, ...] = ()
    san: tuple[x509.GeneralName, ...] | None = None
    constraints: bool = True
    subject_identifier: bytes | None = b""  # b"": from the key; None: none
    authority_identifier: bytes | None = b""  # b"": from the signer; None: none
    pss: bool = False
    hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = field(default_factory=hashes.SHA256)
    serial: int = 0
    issuer_name: x509.Name | None = None
    signing_key: PrivateKey | None = None
    more: list[tuple[x509.ExtensionType, bool]] = field(default_factory=list)
    respell: respelling.Respelling | None = None

    def self_signed(self) -> x509.Certificate:
        """This draft as a certificate that its own key signed."""
        return _signed(self, self, self_signed=True)

    def signed_by(self, issuer: "Draft") -> x509.Certificate:
        """This draft as a certificate of another one."""
        return _signed(self, issuer, self_signed=False)


@dataclass
class Plan:
    """What a defect may change: drafts, what comes along, what is sent, and the circumstances."""

    drafts: dict[str, Draft]
    leave_out: set[str] = field(default_factory=set)
    along: list[x509.Certificate] = field(default_factory=list)
    sent: tuple[str | x509.Certificate, ...] | None = None  # roles, or any certificates
    hosts: tuple[Host, ...] = HOSTS
    anchor: AnchorRole = AnchorRole.ROOT
    anchor_certificate: str | x509.Certificate = ""  # a role, or any certificate
    server_key: rsa.RSAPrivateKey | None = None
    now: datetime = NOW
    warn_within: timedelta = 30 * DAY
    profile: DeviceProfile = ANY
    changes: list[str] = field(default_factory=list)  # what was changed, in words

    def certificates(self) -> dict[str, x509.Certificate]:
        """The signed certificates by role; those to be left out are not in it."""
        signed: dict[str, x509.Certificate] = {}
        issuer: Draft | None = None
        for role, draft in self.drafts.items():
            signed[role] = _signed(draft, issuer or draft, self_signed=issuer is None)
            issuer = draft
        for certificate in signed.values():
            assert_readable(certificate, source="a draft")  # and cryptography warns no more
        return {role: certificate for role, certificate in signed.items() if role not in self.leave_out}

    def sent_of(self, certificates: dict[str, x509.Certificate]) -> Iterator[x509.Certificate]:
        """What the server sends, if it is said."""
        for each in self.sent or ():
            yield certificates[each] if isinstance(each, str) else each

    def case(self) -> ChainCase:
        """The case to be judged."""
        certificates = self.certificates()
        sent = tuple(self.sent_of(certificates)) if self.sent else None
        public = self.server_key.public_key() if self.server_key is not None else None
        given = self.anchor_certificate
        anchor = (certificates[given] if given else None) if isinstance(given, str) else given
        at = Circumstances(self.now, self.hosts, self.anchor, public, self.profile, self.warn_within, anchor)
        beside = (each for each in sent or () if each not in certificates.values())
        return ChainCase.of_certificates((*certificates.values(), *self.along, *beside), at, sent)


Defect = Callable[[Plan], None]
DEFECTS: dict[str, tuple[Defect, frozenset[str]]] = {}


def defect(*expected: str) -> Callable[[Defect], Defect]:
    """Register a defect with the codes of all findings that it must give."""

    def register(function: Defect) -> Defect:
        DEFECTS[function.__name__] = (function, frozenset(expected))
        return function

    return register


def right_plan() -> Plan:
    """A right chain, judged under circumstances in which nothing is to be found."""
    authority_usages = frozenset({"key_cert_sign", "crl_sign"})
    return Plan(
        {
            "root": Draft(cn("R"), key(0), NOW + 7000 * DAY, True, usages=authority_usages, authority_identifier=None),
            "intermediate": Draft(cn("I"), key(1), NOW + 3000 * DAY, True, 0, usages=authority_usages),
            "server": Draft(
                cn(HOSTS[0].text),
                key(2),
                NOW + 400 * DAY,
                False,
                usages=frozenset({"digital_signature", "key_encipherment"}),
                extended=(ExtendedKeyUsageOID.SERVER_AUTH,),
                san=tuple(profiles.general_name(host) for host in HOSTS),
            ),
        }
    )


def case_of(function: Defect) -> ChainCase:
    """The case of one defect."""
    plan = right_plan()
    function(plan)
    return plan.case()


def cn(text: str) -> x509.Name:
    """A name of a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(draft: Draft, issuer: Draft, *, self_signed: bool) -> x509.Certificate:
    signing_key = draft.signing_key or issuer.key
    public = draft.key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(draft.name)
        .issuer_name(draft.issuer_name or (draft.name if self_signed else issuer.name))
        .public_key(public)
        .serial_number(draft.serial or authority.random_serial_number())
        .not_valid_before(draft.since)
        .not_valid_after(draft.until)
    )
    for extension, critical in _extensions(draft, issuer):
        builder = builder.add_extension(extension, critical)
    algorithm = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else draft.hash
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH) if draft.pss else None
    signed = builder.sign(signing_key, algorithm, rsa_padding=pss)
    if draft.respell is None:
        return signed
    assert isinstance(signing_key, rsa.RSAPrivateKey)
    return respelling.respelled(signed, draft.respell, signing_key)


def _extensions(draft: Draft, issuer: Draft) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if draft.constraints:
        found.append((x509.BasicConstraints(draft.ca, draft.path_length if draft.ca else None), True))
    if draft.usages is not None:
        found.append((_usage(draft.usages), True))
    if draft.extended:
        found.append((x509.ExtendedKeyUsage(list(draft.extended)), False))
    if draft.san is not None:
        found.append((x509.SubjectAlternativeName(list(draft.san)), False))
    if draft.subject_identifier is not None:
        own = x509.SubjectKeyIdentifier.from_public_key(draft.key.public_key())
        found.append((x509.SubjectKeyIdentifier(draft.subject_identifier) if draft.subject_identifier else own, False))
    if draft.authority_identifier is not None:
        wanted = draft.authority_identifier or issuer.subject_identifier
        default = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        found.append((x509.AuthorityKeyIdentifier(wanted, None, None) if wanted else default, False))
    return [*found, *draft.more]


def _usage(names: frozenset[str]) -> x509.KeyUsage:
    known = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in names for name in known})


# --- nothing wrong ---------------------------------------------------------------------------------------------------


@defect()
def right(plan: Plan) -> None:
    """Nothing."""


@defect()
def right_and_sent(plan: Plan) -> None:
    """Nothing; sent as it should be."""
    plan.sent = ("server", "intermediate")


@defect()
def right_with_its_key(plan: Plan) -> None:
    """Nothing; the key is the server certificate's."""
    plan.server_key = key(2)


@defect()
def no_extended_usage(plan: Plan) -> None:
    """The server certificate has no extended key usage: all are allowed."""
    plan.drafts["server"].extended = ()


@defect()
def no_usage_on_server(plan: Plan) -> None:
    """The server certificate has no key usage: all are allowed."""
    plan.drafts["server"].usages = None


@defect()
def wildcard(plan: Plan) -> None:
    """A wildcard stands for the host's first label."""
    plan.hosts = (Host("locks.example.org"),)
    plan.drafts["server"].san = (x509.DNSName("*.example.org"),)


@defect()
def upper_case_san(plan: Plan) -> None:
    """The name is spelled in upper case, which DNS does not mind."""
    plan.hosts = HOSTS[:1]
    plan.drafts["server"].san = (x509.DNSName("LOCKS.Example.org"),)


@defect("chain.pem_long")
def two_intermediates(plan: Plan) -> None:
    """One intermediate more, which the path lengths allow."""
    plan.drafts["intermediate"].path_length = 1
    server = plan.drafts.pop("server")
    lower = Draft(cn("J"), key(3), NOW + 2000 * DAY, True, 0, usages=frozenset({"key_cert_sign"}))
    plan.drafts |= {"lower": lower, "server": server}


# --- path ------------------------------------------------------------------------------------------------------------


@defect("path.incomplete")
def root_missing(plan: Plan) -> None:
    """The root is not there."""
    plan.leave_out = {"root"}


@defect("path.incomplete")
def root_missing_and_sent(plan: Plan) -> None:
    """The root is not there, and the rest is what the server sends."""
    plan.leave_out, plan.sent = {"root"}, ("server", "intermediate")


@defect("path.incomplete")
def intermediate_missing(plan: Plan) -> None:
    """The intermediate is not there: the root belongs to the path as soon as it is, so it must not be thrown away."""
    plan.leave_out = {"intermediate"}


@defect("path.incomplete", "bundle.unrelated")
def intermediate_missing_and_another_server_along(plan: Plan) -> None:
    """The same, and beside it a certificate that no path of this one can need."""
    plan.leave_out = {"intermediate"}
    plan.along = [Draft(cn("x.example.org"), key(3), NOW + 99 * DAY, False).self_signed()]


@defect("path.incomplete")
def leaf_alone(plan: Plan) -> None:
    """Nothing but the server certificate."""
    plan.leave_out = {"root", "intermediate"}


@defect("path.self_signed")
def self_signed_server(plan: Plan) -> None:
    """One self-signed certificate, as many a device's web page has."""
    plan.drafts = {"server": plan.drafts["server"]}
    plan.drafts["server"].authority_identifier = None


@defect("path.self_signed", "san.missing", "server.is_ca", "server.no_encipherment")
def self_signed_as_openssl_makes_it(plan: Plan) -> None:
    """``openssl req -x509 -subj /CN=HOST``: it says CA:TRUE, and its name says that it is a server's nevertheless."""
    usages = frozenset({"digital_signature", "key_cert_sign"})
    server = Draft(cn(HOSTS[0].text), key(2), NOW + 99 * DAY, True, usages=usages, authority_identifier=None)
    plan.drafts = {"server": server}


@defect("path.no_server")
def server_missing(plan: Plan) -> None:
    """The authority's certificates alone. It must not be told that it is no server."""
    plan.leave_out = {"server"}


@defect("path.signature_invalid")
def server_signed_by_a_stranger(plan: Plan) -> None:
    """Another key signed, under the same issuer name and identifier."""
    plan.drafts["server"].signing_key = key(3)


@defect("path.signature_invalid")
def intermediate_signed_by_a_stranger(plan: Plan) -> None:
    """The root was made again under its old name, with the identifier kept."""
    plan.drafts["intermediate"].signing_key = key(3)


@defect("path.signature_invalid")
def root_not_signed_by_itself(plan: Plan) -> None:
    """A self-issued certificate that another key signed."""
    plan.drafts["root"].signing_key = key(3)


@defect("path.key_identifier")
def wrong_authority_identifier(plan: Plan) -> None:
    """The server certificate names another issuer's key."""
    plan.drafts["server"].authority_identifier = b"\x01" * 20


@defect("path.key_identifier")
def wrong_authority_identifier_above(plan: Plan) -> None:
    """The intermediate names another root's key."""
    plan.drafts["intermediate"].authority_identifier = b"\x01" * 20


@defect("path.no_authority_identifier")
def no_authority_identifier(plan: Plan) -> None:
    """Nobody names an issuer's key: the names must do."""
    for draft in plan.drafts.values():
        draft.authority_identifier = None


@defect("path.no_key_identifier")
def no_subject_identifier(plan: Plan) -> None:
    """The intermediate cannot be told from a successor of the same name."""
    plan.drafts["intermediate"].subject_identifier = None


@defect("path.issuer_not_ca")
def intermediate_says_no_ca(plan: Plan) -> None:
    """CA:FALSE on the intermediate: the vendor's tutorial with the stock configuration."""
    plan.drafts["intermediate"].ca = False


@defect("path.issuer_not_ca")
def intermediate_without_constraints(plan: Plan) -> None:
    """No basic constraints on the intermediate."""
    plan.drafts["intermediate"].constraints = False


@defect("path.issuer_not_ca")
def root_says_no_ca(plan: Plan) -> None:
    """CA:FALSE on the root."""
    plan.drafts["root"].ca = False


@defect("path.issuer_may_not_sign")
def intermediate_may_not_sign(plan: Plan) -> None:
    """The intermediate's key usage is for revocation lists alone."""
    plan.drafts["intermediate"].usages = frozenset({"crl_sign"})


@defect("path.issuer_may_not_sign")
def root_may_not_sign(plan: Plan) -> None:
    """The root's key usage is that of a server."""
    plan.drafts["root"].usages = frozenset({"digital_signature"})


@defect("path.issuer_usage")
def intermediate_for_clients(plan: Plan) -> None:
    """The intermediate's extended key usage is clientAuth: OpenSSL reads it as a limit on what is below."""
    plan.drafts["intermediate"].extended = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@defect("root.path_length")
def root_with_path_length(plan: Plan) -> None:
    """Valid today; a link certificate can never be used."""
    plan.drafts["root"].path_length = 1


@defect("root.path_length", "path.length_exceeded")
def root_with_path_length_0(plan: Plan) -> None:
    """The root allows no intermediate."""
    plan.drafts["root"].path_length = 0


@defect("path.length_exceeded", "chain.pem_long")
def one_intermediate_too_many(plan: Plan) -> None:
    """The upper intermediate allows none below it."""
    two_intermediates(plan)
    plan.drafts["intermediate"].path_length = 0


@defect("path.length_exceeded", "chain.pem_long")
def one_self_issued_intermediate_too_many(plan: Plan) -> None:
    """The lower one bears the upper one's name: RFC 5280 does not count it, GnuTLS and Go do."""
    one_intermediate_too_many(plan)
    plan.drafts["lower"].name = plan.drafts["intermediate"].name


@defect("anchor.intermediate")
def intermediate_as_anchor(plan: Plan) -> None:
    """The devices are given the intermediate."""
    plan.anchor = AnchorRole.INTERMEDIATE


@defect()
def root_given(plan: Plan) -> None:
    """The devices are given the very root."""
    plan.anchor_certificate = "root"


@defect("anchor.intermediate")
def intermediate_given(plan: Plan) -> None:
    """The devices are given the very intermediate."""
    plan.anchor_certificate = "intermediate"


@defect("anchor.intermediate", "anchor.is_server")
def server_given(plan: Plan) -> None:
    """The devices are given the server certificate."""
    plan.anchor_certificate = "server"


@defect("anchor.not_in_path")
def another_root_given(plan: Plan) -> None:
    """The devices are given the root of before: the most reported failure in the field."""
    old = Draft(cn("R"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"}), authority_identifier=None)
    plan.anchor_certificate = old.self_signed()


# --- what came along, and how it is sent -----------------------------------------------------------------------------


@defect("bundle.unrelated")
def stranger_along(plan: Plan) -> None:
    """A root that has nothing to do with it lies beside it."""
    stranger = Draft(cn("X"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"}))
    plan.along = [stranger.self_signed()]


@defect("sent.incomplete")
def leaf_sent_alone(plan: Plan) -> None:
    """The vendor's sample: load_cert_chain with the leaf alone."""
    plan.sent = ("server",)


@defect("sent.order")
def sent_upside_down(plan: Plan) -> None:
    """The intermediate before the server certificate."""
    plan.sent = ("intermediate", "server")


@defect("sent.root")
def root_sent(plan: Plan) -> None:
    """The root is sent, too."""
    plan.sent = ("server", "intermediate", "root")


@defect("sent.twice", "chain.pem_long")
def sent_twice(plan: Plan) -> None:
    """The intermediate is sent twice."""
    plan.sent = ("server", "intermediate", "intermediate")


@defect("sent.root", "sent.order")
def sent_root_first(plan: Plan) -> None:
    """All three are sent from the root down."""
    plan.sent = ("root", "intermediate", "server")


# --- server certificate ----------------------------------------------------------------------------------------------


@defect("server.is_ca")
def server_is_a_ca(plan: Plan) -> None:
    """CA:TRUE on the server certificate."""
    plan.drafts["server"].ca = True


@defect("server.usage")
def server_for_clients(plan: Plan) -> None:
    """The extended key usage is clientAuth."""
    plan.drafts["server"].extended = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@defect("server.no_signature")
def server_may_not_sign(plan: Plan) -> None:
    """The key usage is keyEncipherment alone."""
    plan.drafts["server"].usages = frozenset({"key_encipherment"})


@defect("server.no_encipherment")
def server_may_not_decrypt(plan: Plan) -> None:
    """The key usage is digitalSignature alone."""
    plan.drafts["server"].usages = frozenset({"digital_signature"})


@defect("key.mismatch")
def foreign_key(plan: Plan) -> None:
    """The private key is another's."""
    plan.server_key = key(3)


# --- names -----------------------------------------------------------------------------------------------------------


@defect("san.missing")
def no_san(plan: Plan) -> None:
    """No subject alternative name: the vendor's tutorial."""
    plan.drafts["server"].san = None


@defect("san.host_missing")
def host_missing(plan: Plan) -> None:
    """One host is not in the SAN."""
    plan.hosts = (*HOSTS, Host("doors.example.org"))


@defect("san.host_missing")
def address_as_name(plan: Plan) -> None:
    """The address stands in the SAN as a DNS name."""
    plan.hosts = (HOSTS[0], HOSTS[1])
    plan.drafts["server"].san = (x509.DNSName(HOSTS[0].text), x509.DNSName(HOSTS[1].text))


@defect("san.host_missing")
def name_where_an_address_is(plan: Plan) -> None:
    """Devices call by name, the SAN holds the address alone."""
    plan.hosts = HOSTS[:1]
    plan.drafts["server"].san = (profiles.general_name(HOSTS[1]),)


@defect("san.host_missing")
def wildcard_for_two_labels(plan: Plan) -> None:
    """A wildcard stands for one label, not for two."""
    plan.hosts = (Host("a.locks.example.org"),)
    plan.drafts["server"].name = cn("a.locks.example.org")
    plan.drafts["server"].san = (x509.DNSName("*.example.org"),)


@defect("san.host_missing")
def empty_san(plan: Plan) -> None:
    """A SAN with an e-mail address alone."""
    plan.drafts["server"].san = (x509.RFC822Name("x@example.org"),)


@defect("server.common_name")
def foreign_common_name(plan: Plan) -> None:
    """The common name is no host."""
    plan.drafts["server"].name = cn("ENGAGE server")


# --- dates -----------------------------------------------------------------------------------------------------------


@defect("validity.expired")
def expired_server(plan: Plan) -> None:
    """The server certificate ended a second ago."""
    plan.drafts["server"].until = NOW - timedelta(seconds=1)


@defect("validity.ends_soon")
def ends_this_second(plan: Plan) -> None:
    """notAfter is inclusive: in that second it is still valid."""
    plan.drafts["server"].until = NOW


@defect("validity.expired", "validity.outlives_issuer")
def expired_intermediate(plan: Plan) -> None:
    """The intermediate ended, the server certificate did not."""
    plan.drafts["intermediate"].until = NOW - DAY


@defect("validity.expired", "validity.outlives_issuer")
def expired_root(plan: Plan) -> None:
    """The root ended first."""
    plan.drafts["root"].until = NOW - DAY


@defect("validity.not_yet")
def not_yet(plan: Plan) -> None:
    """The server certificate begins in a second."""
    plan.drafts["server"].since = NOW + timedelta(seconds=1)


@defect("validity.just_begun")
def just_begun(plan: Plan) -> None:
    """Made this hour, not backdated."""
    plan.drafts["server"].since = NOW - timedelta(hours=1)


@defect("validity.ends_soon")
def ends_soon(plan: Plan) -> None:
    """The server certificate ends in 29 days."""
    plan.drafts["server"].until = NOW + 29 * DAY


@defect()
def ends_after_the_warning(plan: Plan) -> None:
    """The server certificate ends in 30 days: just not soon."""
    plan.drafts["server"].until = NOW + 30 * DAY


@defect("validity.outlives_issuer")
def outlives_its_issuer(plan: Plan) -> None:
    """The server certificate lives longer than the intermediate."""
    plan.drafts["intermediate"].until = NOW + 399 * DAY


# --- keys and signatures ---------------------------------------------------------------------------------------------


@defect("key.too_large")
def server_key_of_3072_bits(plan: Plan) -> None:
    """One size more than devices take."""
    plan.drafts["server"].key = key(2, 3072)


@defect("key.too_large", "chain.pem_long", "chain.no_room_for_link")
def root_key_of_4096_bits(plan: Plan) -> None:
    """A root as the public CAs make them."""
    plan.drafts["root"].key = key(0, 4096)


@defect("key.too_small")
def intermediate_key_of_1024_bits(plan: Plan) -> None:
    """A key of the last century."""
    plan.drafts["intermediate"].key = key(1, 1024)


@defect("key.not_rsa")
def elliptic_curve_server(plan: Plan) -> None:
    """A P-256 key."""
    plan.drafts["server"].key = ec.generate_private_key(ec.SECP256R1())


@defect("key.not_rsa", "signature.not_sha256")
def ed25519_intermediate(plan: Plan) -> None:
    """An Ed25519 key, whose signature has no hash of its own."""
    plan.drafts["intermediate"].key = ed25519.Ed25519PrivateKey.generate()


@defect("key.exponent")
def exponent_of_3(plan: Plan) -> None:
    """A key with public exponent 3."""
    plan.drafts["server"].key = rsa.generate_private_key(public_exponent=3, key_size=2048)


@defect("signature.not_sha256")
def sha384(plan: Plan) -> None:
    """A longer hash than devices are known to compute."""
    plan.drafts["server"].hash = hashes.SHA384()


@defect("signature.not_sha256")
def sha512_root(plan: Plan) -> None:
    """The root signed itself with SHA-512."""
    plan.drafts["root"].hash = hashes.SHA512()


# --- size ------------------------------------------------------------------------------------------------------------


def _padded(plan: Plan, size: int) -> None:
    """Fill the server certificate until the chain has exactly so many bytes of DER."""
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
    for _ in range(4):
        total = sum(len(c.public_bytes(Encoding.DER)) for c in plan.certificates().values())
        held = len(plan.drafts["server"].more[0][0].public_bytes()) if plan.drafts["server"].more else 0
        plan.drafts["server"].more = [(x509.UnrecognizedExtension(oid, bytes(held + size - total)), False)]


@defect("chain.pem_long", "chain.no_room_for_link")
def exactly_4096(plan: Plan) -> None:
    """Exactly as many bytes as devices hold."""
    _padded(plan, 4096)


@defect("chain.too_long")
def exactly_4097(plan: Plan) -> None:
    """One byte too many."""
    _padded(plan, 4097)


@defect("chain.pem_long")
def room_for_a_link(plan: Plan) -> None:
    """PEM is over the limit, DER leaves room for a link certificate."""
    _padded(plan, 3200)


@defect("chain.too_long")
def own_limit(plan: Plan) -> None:
    """A device of the user's own holds less."""
    plan.profile = DeviceProfile("tiny", chain_der_bytes=2000)


@defect("chain.too_long")
def revocation_and_policies(plan: Plan) -> None:
    """CRL, AIA and policy extensions as a public CA adds them, and long names."""
    long = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "o" * 64), *cn("c" * 60)])
    plan.drafts["root"].name = plan.drafts["intermediate"].name = long
    url = x509.UniformResourceIdentifier("http://crl.example.org/" + "x" * 200)
    points = x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)])
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, url)])
    for draft in plan.drafts.values():
        draft.more = [(points, False), (access, False)]
    plan.drafts["intermediate"].name = x509.Name([*long, x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")])


# --- encodings -------------------------------------------------------------------------------------------------------


@defect()
def serial_of_20_octets(plan: Plan) -> None:
    """The longest that is allowed."""
    plan.drafts["server"].serial = (1 << 158) | 1


@defect("encoding.critical_extension")
def unknown_critical_extension(plan: Plan) -> None:
    """A critical extension of nobody's."""
    plan.drafts["server"].more = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]


@defect("encoding.critical_extension", "path.name_constraints")
def critical_name_constraints(plan: Plan) -> None:
    """Name constraints must be critical, and embedded stacks do not know them; these forbid two of the hosts, too."""
    permitted = x509.NameConstraints([x509.DNSName("example.org")], None)
    plan.drafts["intermediate"].more = [(permitted, True)]


@defect()
def unknown_extension(plan: Plan) -> None:
    """The same, not critical: devices pass over it."""
    plan.drafts["server"].more = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False)]


@defect("server.netscape_type")
def netscape_type_of_a_client(plan: Plan) -> None:
    """A Netscape certificate type that is for clients alone: OpenSSL refuses it, others do not read it."""
    plan.drafts["server"].more = [(x509.UnrecognizedExtension(_NETSCAPE_TYPE, b"\x03\x02\x07\x80"), False)]


@defect()
def netscape_type_of_a_server(plan: Plan) -> None:
    """The same, for clients and servers, as old scripts wrote it; and an intermediate's is not held against it."""
    plan.drafts["server"].more = [(x509.UnrecognizedExtension(_NETSCAPE_TYPE, b"\x03\x02\x06\xc0"), False)]
    plan.drafts["intermediate"].more = [(x509.UnrecognizedExtension(_NETSCAPE_TYPE, b"\x03\x02\x02\x04"), False)]


@defect("encoding.extension_malformed")
def netscape_type_without_a_bit(plan: Plan) -> None:
    """A Netscape certificate type that is an empty bit string: mbed TLS and wolfSSL cannot read it."""
    plan.drafts["intermediate"].more = [(x509.UnrecognizedExtension(_NETSCAPE_TYPE, b"\x03\x01\x00"), False)]


@defect("encoding.serial")
def negative_serial(plan: Plan) -> None:
    """A serial number below zero, as a careless random number gives."""
    plan.drafts["server"].respell = respelling.serial_number(-(1 << 100) - 1)


@defect("encoding.serial")
def serial_of_zero(plan: Plan) -> None:
    """Serial number 0, of "openssl req -set_serial 0"."""
    plan.drafts["root"].respell = respelling.serial_number(0)


@defect("encoding.serial")
def serial_of_21_octets(plan: Plan) -> None:
    """One octet too long: 20 random octets of which the first bit was set."""
    plan.drafts["intermediate"].respell = respelling.serial_number(1 << 159)


@defect("encoding.serial_repeated")
def serial_given_twice(plan: Plan) -> None:
    """The root gave its own serial number to the intermediate, as hand-made CAs with serial 1 do."""
    plan.drafts["root"].serial = plan.drafts["intermediate"].serial = 1


@defect("encoding.time")
def end_in_the_long_form(plan: Plan) -> None:
    """notAfter of the next years as GeneralizedTime."""
    plan.drafts["server"].respell = respelling.generalized_time("notAfter")


@defect("encoding.time")
def begin_in_the_long_form(plan: Plan) -> None:
    """notBefore as GeneralizedTime."""
    plan.drafts["intermediate"].respell = respelling.generalized_time("notBefore")


@defect("encoding.late_time")
def root_beyond_2049(plan: Plan) -> None:
    """A root that lives for 30 years: its end must have the long form."""
    plan.drafts["root"].until = datetime(2056, 1, 1, tzinfo=UTC)


@defect()
def link_certificate(plan: Plan) -> None:
    """The intermediate bears the root's name, as a link certificate may, and says whose key signed it."""
    plan.drafts["intermediate"].name = plan.drafts["root"].name


@defect("path.self_issued", "path.no_authority_identifier")
def link_certificate_without_identifier(plan: Plan) -> None:
    """The same without an authority key identifier."""
    link_certificate(plan)
    plan.drafts["intermediate"].authority_identifier = None


@defect("path.ambiguous_issuer", "path.no_authority_identifier")
def below_a_link_certificate_without_identifier(plan: Plan) -> None:
    """The intermediate bears the root's name, and the server certificate does not say which of them signed it."""
    link_certificate(plan)
    plan.drafts["server"].authority_identifier = None


@defect("chain.pem_long", "path.no_key_identifier")
def namesake_of_the_root_below(plan: Plan) -> None:
    """A lower intermediate bears the root's name and no key identifier: the trusted one is tried first."""
    two_intermediates(plan)
    plan.drafts["lower"].name, plan.drafts["lower"].subject_identifier = plan.drafts["root"].name, None


@defect("encoding.string_type")
def teletex_name(plan: Plan) -> None:
    """The common name as TeletexString, the default of old openssl.cnf files."""
    plan.drafts["server"].respell = respelling.common_name_as("subject", respelling.TELETEX)


@defect("encoding.string_type")
def bmp_name(plan: Plan) -> None:
    """The common name as BMPString, as Windows CAs wrote it."""
    plan.drafts["server"].respell = respelling.common_name_as("subject", respelling.BMP)


@defect("path.name_spelling")
def issuer_as_another_text_type(plan: Plan) -> None:
    """The issuer is PrintableString below and UTF8String above: OpenSSL does not mind, GnuTLS does."""
    plan.drafts["server"].respell = respelling.common_name_as("issuer", respelling.PRINTABLE)


@defect("path.name_spelling")
def issuer_in_another_case(plan: Plan) -> None:
    """The issuer's name is spelled in lower case below."""
    plan.drafts["server"].issuer_name = cn("i")


@defect("signature.not_sha256")
def sha1(plan: Plan) -> None:
    """A server certificate signed with SHA-1."""
    plan.drafts["server"].respell = respelling.sha1


# --- what RFC 5280 demands of extensions and names --------------------------------------------------------------------


@defect("encoding.version")
def version_1_with_extensions(plan: Plan) -> None:
    """It says version 1, which has no extensions, and has them."""
    plan.drafts["server"].respell = respelling.version_1


@defect("encoding.signature_algorithm")
def two_signature_algorithms(plan: Plan) -> None:
    """SHA-384 inside, SHA-256 outside."""
    plan.drafts["server"].respell = respelling.other_algorithm_inside


@defect("encoding.unique_identifier")
def unique_identifier(plan: Plan) -> None:
    """An issuer's unique identifier."""
    plan.drafts["intermediate"].respell = respelling.unique_identifier


@defect("encoding.empty_name")
def intermediate_without_a_name(plan: Plan) -> None:
    """The intermediate's subject is empty, and so is the issuer below."""
    plan.drafts["intermediate"].name = x509.Name([])


@defect("server.common_name", "san.not_critical")
def server_without_a_name(plan: Plan) -> None:
    """An empty subject, and a subject alternative name that is not critical."""
    plan.drafts["server"].name = x509.Name([])


@defect("server.common_name")
def server_without_a_name_and_critical_san(plan: Plan) -> None:
    """The same with a critical one: that is how it should be."""
    draft = plan.drafts["server"]
    draft.name, draft.san = x509.Name([]), None
    draft.more = [(x509.SubjectAlternativeName([profiles.general_name(host) for host in HOSTS]), True)]


@defect("encoding.attribute_length")
def country_of_three_letters(plan: Plan) -> None:
    """C=USA."""
    country = _unchecked(NameOID.COUNTRY_NAME, "USA")
    plan.drafts["server"].name = x509.Name([country, *cn(HOSTS[0].text)])


@defect("encoding.attribute_length")
def long_common_name(plan: Plan) -> None:
    """A common name of 65 characters."""
    long = _unchecked(NameOID.COMMON_NAME, "c" * 65)
    plan.drafts["root"].name = x509.Name([long])


def _unchecked(kind: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    with quietly():
        return x509.NameAttribute(kind, value, _validate=False)


@defect("encoding.path_length")
def path_length_beside_ca_false(plan: Plan) -> None:
    """CA:FALSE with a path length, as hand-written configurations have it."""
    constraints = bytes.fromhex("3003020100")
    plan.drafts["server"].respell = respelling.extension_value("2.5.29.19", constraints)


@defect("path.issuer_not_ca", "encoding.path_length")
def intermediate_with_a_path_length_alone(plan: Plan) -> None:
    """The same on an intermediate."""
    constraints = bytes.fromhex("3003020100")
    plan.drafts["intermediate"].respell = respelling.extension_value("2.5.29.19", constraints)


@defect("encoding.extension_malformed")
def malformed_extension(plan: Plan) -> None:
    """Authority information access that is none."""
    access = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.1")
    plan.drafts["server"].more = [(x509.UnrecognizedExtension(access, b"\x05\x00"), False)]


@defect("encoding.extension_malformed", "san.missing")
def malformed_san(plan: Plan) -> None:
    """A subject alternative name without an entry."""
    plan.drafts["server"].respell = respelling.extension_value("2.5.29.17", b"\x30\x03\x87\x01\x0a")


@defect("encoding.extension_repeated")
def extension_twice(plan: Plan) -> None:
    """The subject alternative name stands there twice."""
    plan.drafts["server"].respell = respelling.repeated("2.5.29.17")


@defect("server.may_sign")
def server_may_sign_certificates(plan: Plan) -> None:
    """keyCertSign without CA:TRUE."""
    plan.drafts["server"].usages = frozenset({"digital_signature", "key_encipherment", "key_cert_sign"})


@defect("path.issuer_form")
def intermediate_without_usage(plan: Plan) -> None:
    """No key usage on a CA."""
    plan.drafts["intermediate"].usages = None


@defect("path.issuer_form")
def constraints_not_critical(plan: Plan) -> None:
    """Basic constraints of a CA that are not critical."""
    draft = plan.drafts["intermediate"]
    draft.constraints, draft.more = False, [(x509.BasicConstraints(True, 0), False)]


@defect("path.issuer_serial")
def issuer_of_another_serial_number(plan: Plan) -> None:
    """The authority key identifier names the right key, and a certificate that was renewed since."""
    plan.drafts["intermediate"].serial = 77
    _identify(plan, plan.drafts["root"].name, 76)


@defect("path.issuer_serial")
def issuer_of_another_issuer(plan: Plan) -> None:
    """The authority key identifier has the right serial number of somebody else."""
    plan.drafts["intermediate"].serial = 77
    _identify(plan, cn("Somebody else"), 77)


@defect()
def issuer_by_serial_number(plan: Plan) -> None:
    """The authority key identifier names the issuer in both ways, as "authorityKeyIdentifier = keyid,issuer" does."""
    plan.drafts["intermediate"].serial = 77
    _identify(plan, plan.drafts["root"].name, 77)


def _identify(plan: Plan, issuer: x509.Name, number: int) -> None:
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(plan.drafts["intermediate"].key.public_key()).digest
    both = x509.AuthorityKeyIdentifier(key_identifier, [x509.DirectoryName(issuer)], number)
    plan.drafts["server"].authority_identifier, plan.drafts["server"].more = None, [(both, False)]


@defect("server.must_staple")
def must_staple(plan: Plan) -> None:
    """The TLS feature of OCSP stapling, which no server of ours does."""
    plan.drafts["server"].more = [(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)]


@defect("signature.pss")
def signed_with_pss(plan: Plan) -> None:
    """RSASSA-PSS instead of PKCS#1 v1.5."""
    plan.drafts["server"].pss = True


def _constrained(plan: Plan, role: str, *, permitted: list[x509.GeneralName], excluded: list[x509.GeneralName]) -> None:
    """Name constraints, not critical: with critical ones the first complaint is another."""
    plan.drafts[role].more = [(x509.NameConstraints(permitted or None, excluded or None), False)]


@defect()
def names_permitted(plan: Plan) -> None:
    """All that is permitted is what is there."""
    names = [x509.DNSName("example.org"), x509.DNSName("localhost"), _network("10.0.0.0/8"), _network("127.0.0.0/8")]
    _constrained(plan, "intermediate", permitted=[*names, x509.DirectoryName(cn(HOSTS[0].text))], excluded=[])


@defect("path.name_constraints")
def name_not_permitted(plan: Plan) -> None:
    """A DNS name outside of what is permitted; no constraint on addresses."""
    _constrained(plan, "intermediate", permitted=[x509.DNSName("example.org")], excluded=[])


@defect("path.name_constraints")
def name_excluded(plan: Plan) -> None:
    """The root excludes a domain of which the host is a part."""
    _constrained(plan, "root", permitted=[], excluded=[x509.DNSName("example.org")])


@defect("path.name_constraints")
def address_not_permitted(plan: Plan) -> None:
    """An address outside of what is permitted."""
    _constrained(plan, "intermediate", permitted=[_network("10.0.0.0/8")], excluded=[])


@defect("path.name_constraints")
def address_excluded(plan: Plan) -> None:
    """The root excludes the addresses of private networks."""
    _constrained(plan, "root", permitted=[], excluded=[_network("10.0.0.0/8")])


@defect("path.name_constraints")
def directory_name_not_permitted(plan: Plan) -> None:
    """The subject is outside of what is permitted."""
    organization = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])
    _constrained(plan, "intermediate", permitted=[x509.DirectoryName(organization)], excluded=[])


@defect("path.name_constraints")
def mailbox_excluded(plan: Plan) -> None:
    """An e-mail address of an excluded domain in the SAN."""
    _constrained(plan, "intermediate", permitted=[], excluded=[x509.RFC822Name("example.net")])
    plan.drafts["server"].san = (*(plan.drafts["server"].san or ()), x509.RFC822Name("doors@example.net"))


@defect("path.name_constraints")
def uri_not_permitted(plan: Plan) -> None:
    """A URI of another host in the SAN."""
    _constrained(plan, "intermediate", permitted=[x509.UniformResourceIdentifier(".example.net")], excluded=[])
    uri = x509.UniformResourceIdentifier("https://doors.example.com/x")
    plan.drafts["server"].san = (*(plan.drafts["server"].san or ()), uri)


@defect("path.name_constraints", "san.missing")
def common_name_not_permitted(plan: Plan) -> None:
    """No SAN: the common name is taken for a DNS name."""
    name_excluded(plan)
    plan.drafts["server"].san = None


@defect("server.name_constraints")
def server_constrains_names(plan: Plan) -> None:
    """Name constraints on the server certificate."""
    _constrained(plan, "server", permitted=[], excluded=[x509.DNSName("example.org")])


def _network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


_POLICY = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), None)])


@defect("path.policy")
def policy_missing(plan: Plan) -> None:
    """The intermediate demands an explicit policy, and the server certificate has none."""
    plan.drafts["intermediate"].more = [(x509.PolicyConstraints(0, None), False), (_POLICY, False)]


@defect()
def policy_kept(plan: Plan) -> None:
    """The same, and it has it."""
    policy_missing(plan)
    plan.drafts["server"].more = [(_POLICY, False)]


@defect("path.policy")
def any_policy_inhibited(plan: Plan) -> None:
    """The server certificate has any policy, which the intermediate does not let count."""
    policy_missing(plan)
    plan.drafts["intermediate"].more.append((x509.InhibitAnyPolicy(0), False))
    any_policy = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)
    plan.drafts["server"].more = [(x509.CertificatePolicies([any_policy]), False)]


@defect("encoding.critical_extension")
def critical_policy_constraints(plan: Plan) -> None:
    """Policy constraints have to be critical, and small TLS stacks do not know them."""
    plan.drafts["intermediate"].more = [(x509.PolicyConstraints(9, None), True)]


# --- renewed, cross-signed, sent along --------------------------------------------------------------------------------


def _renewed(plan: Plan, **values: object) -> x509.Certificate:
    """The intermediate once more, as it was before: same name, same key."""
    before = replace(plan.drafts["intermediate"], **values)  # type: ignore[arg-type]  # a draft's own attributes
    return replace(plan, drafts={**plan.drafts, "intermediate": before}).certificates()["intermediate"]


@defect("bundle.unrelated", "sent.expired", "chain.pem_long")
def renewed_and_the_old_one_sent_first(plan: Plan) -> None:
    """The intermediate was renewed; the one that expired is sent before it: a valid path is there all the same."""
    old = _renewed(plan, since=NOW - 900 * DAY, until=NOW - DAY)
    plan.sent = ("server", old, "intermediate")


@defect("bundle.unrelated", "sent.expired", "chain.pem_long")
def renewed_and_the_old_one_sent_last(plan: Plan) -> None:
    """The same behind it."""
    plan.sent = ("server", "intermediate", _renewed(plan, since=NOW - 900 * DAY, until=NOW - DAY))


@defect("bundle.unrelated", "sent.outdated", "validity.expired", "validity.outlives_issuer")
def renewed_and_the_old_one_sent_alone(plan: Plan) -> None:
    """The new one lies beside it, and is not sent."""
    plan.sent = ("server", _renewed(plan, since=NOW - 900 * DAY, until=NOW - DAY))


@defect("bundle.unrelated", "chain.pem_long")
def renewed_and_both_are_valid(plan: Plan) -> None:
    """The intermediate was renewed in time: both lead to the root."""
    plan.sent = ("server", "intermediate", _renewed(plan, until=NOW + 2900 * DAY))


@defect("bundle.unrelated", "sent.order", "chain.pem_long")
def namesake_sent_first(plan: Plan) -> None:
    """An intermediate of the same name with another key is sent before the right one."""
    plan.sent = ("server", _renewed(plan, key=key(3)), "intermediate")


@defect("bundle.unrelated", "sent.order", "chain.pem_long")
def stranger_sent_between(plan: Plan) -> None:
    """A root that has nothing to do with it is sent between the two."""
    plan.sent = ("server", _stranger(), "intermediate")


@defect("bundle.unrelated", "chain.pem_long")
def stranger_sent_last(plan: Plan) -> None:
    """It is sent behind them."""
    plan.sent = ("server", "intermediate", _stranger())


@defect("bundle.unrelated", "chain.pem_long", "encoding.critical_extension")
def stranger_that_nobody_reads(plan: Plan) -> None:
    """What is sent behind the path has a critical extension of nobody's: mbed TLS reads all, and refuses all."""
    critical = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
    stranger = Draft(cn("X"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"}), more=[critical])
    plan.sent = ("server", "intermediate", stranger.self_signed())


def _twin_of_another_root(plan: Plan) -> x509.Certificate:
    """The intermediate's name and key under the word of a root that nobody here has."""
    gone = Draft(cn("Gone"), key(4), NOW + 900 * DAY, True, usages=frozenset({"key_cert_sign"}))
    return replace(plan.drafts["intermediate"], until=NOW + 800 * DAY).signed_by(gone)


@defect("bundle.unrelated", "sent.order", "chain.pem_long")
def twin_of_another_root_sent_first(plan: Plan) -> None:
    """OpenSSL and GnuTLS take it, find no issuer, and do not turn back."""
    plan.sent = ("server", _twin_of_another_root(plan), "intermediate")


@defect("bundle.unrelated", "chain.pem_long")
def twin_of_another_root_sent_last(plan: Plan) -> None:
    """Behind the right one nobody looks at it."""
    plan.sent = ("server", "intermediate", _twin_of_another_root(plan))


def _old_root() -> Draft:
    return Draft(cn("Old"), key(4), NOW + 900 * DAY, True, usages=frozenset({"key_cert_sign"}))


@defect("sent.root", "chain.pem_long")
def second_root_sent(plan: Plan) -> None:
    """The root of before is sent together with its link certificate."""
    plan.sent = ("server", "intermediate", _old_root().self_signed(), _link(plan))


def _link(plan: Plan, **values: object) -> x509.Certificate:
    """Another CA's word for this root, which is sent behind the path."""
    old = _old_root()
    usual = {"authority_identifier": b"", "until": NOW + 800 * DAY}
    return replace(plan.drafts["root"], **usual | values).signed_by(old)  # type: ignore[arg-type]  # a draft's own


@defect("chain.pem_long")
def link_sent(plan: Plan) -> None:
    """A link certificate for devices that hold the root of before."""
    plan.sent = ("server", "intermediate", _link(plan))


@defect("chain.pem_long", "signature.not_sha256")
def link_of_sha512(plan: Plan) -> None:
    """It is signed with a hash that devices are not known to compute."""
    plan.sent = ("server", "intermediate", _link(plan, hash=hashes.SHA512()))


@defect("chain.pem_long", "path.issuer_not_ca")
def link_that_is_no_ca(plan: Plan) -> None:
    """It does not say CA:TRUE, so holders of the old root find no path."""
    plan.sent = ("server", "intermediate", _link(plan, ca=False))


@defect("chain.pem_long", "validity.expired")
def link_that_expired(plan: Plan) -> None:
    """It expired: holders of the old root are locked out."""
    plan.sent = ("server", "intermediate", _link(plan, until=NOW - DAY))


def _stranger() -> x509.Certificate:
    return Draft(cn("X"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"})).self_signed()


@defect("bundle.unrelated", "sent.order", "chain.pem_long")
def namesake_behind_a_stranger(plan: Plan) -> None:
    """Both are sent between the two."""
    plan.profile = DeviceProfile("roomy", chain_der_bytes=5000)
    plan.sent = ("server", _stranger(), _renewed(plan, key=key(3)), "intermediate")


@defect("bundle.unrelated", "chain.too_long")
def strangers_sent_until_it_is_too_long(plan: Plan) -> None:
    """Path and root fit; with what else is sent it is too much."""
    names = (Draft(cn(f"X{number}"), key(3), NOW + 99 * DAY, True).self_signed() for number in range(3))
    plan.sent = ("server", "intermediate", *names)


@defect("sent.twice", "chain.too_long")
def sent_so_often_that_it_is_too_long(plan: Plan) -> None:
    """The same certificate is received, and kept, once more each time."""
    plan.sent = ("server", *["intermediate"] * 4)
