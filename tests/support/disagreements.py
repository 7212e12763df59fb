"""Where other validators judge a path otherwise than we do, and why. Each row carries a chain that shows it.

With these rows our findings foretell each judge's verdict: a verdict that they do not foretell fails a test, and so
does a row whose example no longer shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from engage_server.checks import ChainCase, Circumstances, run_checks
from engage_server.checks.case import extension
from engage_server.pki.chain import is_self_issued
from engage_server.pki.extensions import extensions_of
from engage_server.pki.netscape_type import NETSCAPE_SSL_SERVER, netscape_types
from engage_server.pki.paths.name_constraints import violations
from engage_server.pki.paths.path import find_path
from engage_server.pki.raw_fields import GENERALIZED_TIME, raw_fields
from tests.support import respelling
from tests.support.chains import NOW, key
from tests.support.defects import DAY, DEFECTS, Draft, Plan, cn, right_plan
from tests.support.judges import Question, names_to_ask_for

# the codes by which we say that a path does not validate for a TLS server
PATH_CODES = {
    *("path.incomplete", "path.self_signed", "path.signature_invalid", "path.issuer_not_ca"),
    *("path.issuer_may_not_sign", "path.issuer_usage", "path.length_exceeded", "path.key_identifier"),
    *("path.self_issued", "path.ambiguous_issuer", "server.usage", "validity.expired", "validity.not_yet"),
    *("encoding.critical_extension", "encoding.version", "encoding.extension_repeated", "encoding.extension_malformed"),
    *("encoding.signature_algorithm", "encoding.empty_name", "path.name_constraints", "path.issuer_serial"),
}

_STRANGER = Draft(cn("Other"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"}))


@dataclass(frozen=True)
class Judged:
    """A plan and what we say about it.

    Attributes:
        question: What the judges are asked.
        codes: Those of PATH_CODES that we found.
        of_root: Those of them that are found no more when the root is made anew as it should be, under its name and
            with its key: a trust anchor's own defects, which many validators do not look at.
    """

    question: Question
    codes: frozenset[str]
    of_root: frozenset[str]

    @property
    def path(self) -> tuple[x509.Certificate, ...]:
        """All that the judges are given."""
        return (self.question.server, *self.question.others, self.question.root)


def judged(plan: Plan) -> Judged:
    """Ask ourselves first. The server certificate must be in the plan."""
    certificates = plan.certificates()
    server = certificates["server"]
    others = [certificate for role, certificate in reversed(certificates.items()) if role not in ("server", "root")]
    root = certificates.get("root") or _STRANGER.self_signed()
    codes = _codes(plan)
    sound = codes if "root" not in certificates else _codes(_with_a_sound_root(plan))
    return Judged(Question(server, root, (*others, *plan.along)), codes, codes - sound)


def _codes(plan: Plan) -> frozenset[str]:
    certificates = plan.certificates()
    case = ChainCase.of_certificates((*certificates.values(), *plan.along), Circumstances(NOW))
    found = {finding.code for finding in run_checks(case)}
    if case.server != certificates["server"]:
        found.add("path.incomplete")  # the server certificate belongs to nothing that is there
    return frozenset(found & PATH_CODES)


def _with_a_sound_root(plan: Plan) -> Plan:
    given, sound = plan.drafts["root"], right_plan().drafts["root"]
    sound = replace(sound, name=given.name, key=given.key, subject_identifier=given.subject_identifier)
    return replace(plan, drafts={**plan.drafts, "root": sound})


@dataclass(frozen=True)
class Ignores:
    """A judge that does not look at what we call an error.

    Attributes:
        judges: Which.
        code: Ours.
        why: Why they do not, and why we do.
        example: Plants it.
        root_alone: Whether only the root's own is not looked at.
        when: Of which of them it is true.
    """

    judges: tuple[str, ...]
    code: str
    why: str
    example: Callable[[Plan], None]
    root_alone: bool = False
    when: Callable[["Judged"], bool] = lambda _of: True


@dataclass(frozen=True)
class RefusesToo:
    """A judge that refuses what is, for the path alone, no error to us.

    Attributes:
        judges: Which.
        when: Whether it will refuse.
        why: Why it does, and what we say instead.
        example: Plants it.
    """

    judges: tuple[str, ...]
    when: Callable[[Judged], bool]
    why: str
    example: Callable[[Plan], None]


def foretold(judge: str, of: Judged) -> bool:
    """What this judge will say, by our findings and the tables."""
    rows = [row for row in IGNORED if judge in row.judges and row.when(of)]
    ignored = {row.code for row in rows if not row.root_alone}
    refused = (of.codes - of.of_root - ignored) | (of.of_root - {row.code for row in rows})
    return not refused and not any(row.when(of) for row in REFUSED_TOO if judge in row.judges)


def _change(role: str, **values: object) -> Callable[[Plan], None]:
    def change(plan: Plan) -> None:
        for name, value in values.items():
            setattr(plan.drafts[role], name, value)

    return change


def _root_lacks(of: Judged, kind: type[x509.ExtensionType]) -> bool:
    return extension(of.question.root, kind) is None


def _servers_number_is_the_roots(of: Judged) -> bool:
    server, root = of.question.server, of.question.root
    return server.serial_number == root.serial_number and server.issuer == root.subject


def _of_the_roots_number_with_a_wrong_identifier(plan: Plan) -> None:
    del plan.drafts["intermediate"]
    plan.drafts["root"].serial = plan.drafts["server"].serial = 1
    plan.drafts["server"].authority_identifier = b"\x01" * 20


def _self_issued_server_below_the_root(plan: Plan) -> None:
    del plan.drafts["intermediate"]
    plan.drafts["server"].name, plan.drafts["server"].authority_identifier = plan.drafts["root"].name, None


def _no_self_issued_one_could_be_self_signed(of: Judged) -> bool:
    """Keys and signatures are RSA's or not: the random chains have no two other kinds that could be mixed up."""
    self_issued = [each for each in find_path(of.path).path[:-1] if is_self_issued(each)]
    return not any(
        isinstance(each.public_key(), rsa.RSAPublicKey) is isinstance(each.signature_algorithm_parameters, PKCS1v15)
        for each in self_issued
    )


def _self_issued_server_below_a_root_with_another_kind_of_key(plan: Plan) -> None:
    _self_issued_server_below_the_root(plan)
    plan.drafts["root"].key = ec.generate_private_key(ec.SECP256R1())


def _violated(of: Judged) -> set[type[x509.GeneralName]]:
    """The kinds of name that the name constraints of the path forbid."""
    return {type(each.name) for each in violations(find_path(of.path).path)}


def _only_policies_are_critical(of: Judged) -> bool:
    unknown = [each for one in of.path for each in extensions_of(one).readable if each.critical]
    return any(isinstance(each.value, x509.PolicyConstraints) for each in unknown) and not any(
        isinstance(each.value, x509.UnrecognizedExtension) for each in unknown
    )


def _only_self_issued_ones_exceed_a_path_length(of: Judged) -> bool:
    path = find_path(of.path).path
    for place, issuer in enumerate(path[1:], 1):
        constraints = extension(issuer, x509.BasicConstraints)
        limit = constraints.path_length if constraints is not None else None
        if limit is not None and sum(not is_self_issued(each) for each in path[1:place]) > limit:
            return False
    return True


_CLIENTS = (ExtendedKeyUsageOID.CLIENT_AUTH,)
_CRL_SIGN = frozenset({"crl_sign"})

IGNORED = (
    Ignores(
        ("cryptography", "certtool"),
        "path.signature_invalid",
        "a trust anchor is taken as it is; we want a root that it is worth to trust for twenty years",
        _change("root", signing_key=key(3)),
        root_alone=True,
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "path.signature_invalid",
        "the same",
        _change("root", signing_key=key(3)),
        root_alone=True,
        # a signature of another kind than the key is told from a self-signature at first glance
        when=lambda of: isinstance(of.question.root.public_key(), rsa.RSAPublicKey),
    ),
    Ignores(
        ("cryptography", "certtool"),
        "path.incomplete",
        "the trust anchor may be a certificate that another issued; to a device the root is self-issued",
        _change("root", issuer_name=cn("Another issuer")),
        root_alone=True,
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "path.issuer_not_ca",
        "a root without basic constraints is a CA if its key usage says keyCertSign; small stacks want CA:TRUE",
        _change("root", constraints=False),
        root_alone=True,
        when=lambda of: _root_lacks(of, x509.BasicConstraints) and not _root_lacks(of, x509.KeyUsage),
    ),
    Ignores(
        ("certtool",),
        "path.issuer_not_ca",
        "a root without basic constraints is taken for one of X.509 version 1; small stacks want CA:TRUE",
        _change("root", constraints=False),
        root_alone=True,
        when=lambda of: (
            _root_lacks(of, x509.BasicConstraints)
            and of.question.root.subject == of.question.root.issuer
            and "path.key_identifier" not in of.of_root
        ),
    ),
    Ignores(
        ("certtool", "cryptography"),
        "path.key_identifier",
        "a trust anchor is taken as it is",
        _change("root", authority_identifier=b"\x01" * 20),
        root_alone=True,
    ),
    Ignores(
        ("cryptography",),
        "path.key_identifier",
        "cryptography goes by names and signatures; OpenSSL then does not find the issuer",
        _change("server", authority_identifier=b"\x01" * 20),
    ),
    Ignores(
        ("pyopenssl",),
        "path.key_identifier",
        "OpenSSL 4.0.3 does not mind when root and server certificate have one serial number: encoding.serial_repeated",
        _of_the_roots_number_with_a_wrong_identifier,
        when=_servers_number_is_the_roots,
    ),
    Ignores(
        ("certtool",),
        "path.self_issued",
        "GnuTLS takes a self-issued server certificate that the root signed, and no self-issued intermediate",
        _self_issued_server_below_the_root,
        when=lambda of: [each for each in find_path(of.path).path[:-1] if is_self_issued(each)] == [of.question.server],
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "path.self_issued",
        "a signature of another kind than the certificate's own key cannot be a self-signature",
        _self_issued_server_below_a_root_with_another_kind_of_key,
        when=_no_self_issued_one_could_be_self_signed,
    ),
    Ignores(
        ("cryptography",),
        "path.self_issued",
        "it tries the signature; OpenSSL and GnuTLS take it for a root",
        DEFECTS["link_certificate_without_identifier"][0],
    ),
    Ignores(
        ("cryptography", "certtool"),
        "path.ambiguous_issuer",
        "they try each of the two; OpenSSL takes the trusted one and stays with it",
        DEFECTS["below_a_link_certificate_without_identifier"][0],
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "encoding.version",
        "extensions of a version 1 certificate are read; mbed TLS, GnuTLS, wolfSSL and Go refuse it",
        DEFECTS["version_1_with_extensions"][0],
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "encoding.empty_name",
        "only X509_STRICT looks; mbed TLS refuses the certificate",
        DEFECTS["intermediate_without_a_name"][0],
    ),
    Ignores(
        ("openssl", "pyopenssl", "certtool", "cryptography"),
        "encoding.extension_malformed",
        "an extension that nobody asks for is not read; wolfSSL and Go read all",
        DEFECTS["malformed_extension"][0],
    ),
    Ignores(
        ("cryptography", "certtool"),
        "path.issuer_serial",
        "they go by the key identifier alone",
        DEFECTS["issuer_of_another_serial_number"][0],
    ),
    Ignores(
        ("cryptography", "certtool"),
        "path.name_constraints",
        "constraints on directory names are not looked at; OpenSSL and wolfSSL do",
        DEFECTS["directory_name_not_permitted"][0],
        when=lambda of: _violated(of) == {x509.DirectoryName},
    ),
    Ignores(
        ("certtool",),
        "path.name_constraints",
        "constraints on URIs are not looked at; OpenSSL and Go do",
        DEFECTS["uri_not_permitted"][0],
        when=lambda of: _violated(of) == {x509.UniformResourceIdentifier},
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "encoding.critical_extension",
        "OpenSSL knows policy constraints; mbed TLS, GnuTLS and Go do not",
        DEFECTS["critical_policy_constraints"][0],
        when=_only_policies_are_critical,
    ),
    Ignores(
        ("openssl", "pyopenssl"),
        "path.length_exceeded",
        "self-issued intermediates are not counted, as RFC 5280 has it; GnuTLS, cryptography and Go count them",
        DEFECTS["one_self_issued_intermediate_too_many"][0],
        when=_only_self_issued_ones_exceed_a_path_length,
    ),
    Ignores(
        ("cryptography",),
        "path.issuer_may_not_sign",
        "with extension policies of one's own, cryptography does not look at key usage",
        _change("intermediate", usages=_CRL_SIGN),
    ),
    Ignores(
        ("cryptography", "certtool", "pyopenssl"),
        "path.issuer_usage",
        "only OpenSSL with a purpose reads an extended key usage on a CA as a limit on what stands below it",
        _change("intermediate", extended=_CLIENTS),
    ),
    Ignores(
        ("cryptography", "certtool", "pyopenssl"),
        "server.usage",
        "it was not told that the certificate is for a TLS server",
        _change("server", extended=_CLIENTS),
    ),
)

_TLS_USAGES = ("digital_signature", "key_encipherment", "key_agreement")


def _usage_is_for_no_tls(of: Judged) -> bool:
    usage = extension(of.question.server, x509.KeyUsage)
    return usage is not None and not any(getattr(usage, name) for name in _TLS_USAGES)


def _a_name_is_spelled_otherwise(of: Judged) -> bool:
    """On the way up, one certificate's issuer is found by meaning and not by bytes."""
    found = find_path(of.path).path
    return any(raw_fields(each).issuer != raw_fields(above).subject for each, above in pairwise(found))


def _gnutls_finds_no_issuer(of: Judged) -> bool:
    """It compares bytes where it looks up the trust anchor, and texts below."""
    found = find_path(of.path).path
    if any(each.issuer != above.subject for each, above in pairwise(found)):
        return True
    return len(found) > 1 and raw_fields(found[-2]).issuer != raw_fields(found[-1]).subject


def _two_below_the_root_share_a_number(of: Judged) -> bool:
    numbers = [(each.issuer, each.serial_number) for each in find_path(of.path).path if each != of.question.root]
    return len(set(numbers)) < len(numbers)


def _one_number_for_two_below_the_root(plan: Plan) -> None:
    server = plan.drafts.pop("server")
    usages = frozenset({"key_cert_sign"})
    below = Draft(cn("J"), key(6), NOW + 900 * DAY, True, usages=usages, serial=1)
    plan.drafts |= {"below": below, "server": server}
    plan.drafts["intermediate"].path_length = None
    plan.drafts["intermediate"].name, plan.drafts["intermediate"].serial = plan.drafts["root"].name, 1


def _has_generalized_time(of: Judged) -> bool:
    return any(
        time.tag == GENERALIZED_TIME and moment.year < 2050
        for each in of.path
        for time, moment in (
            (raw_fields(each).not_before, each.not_valid_before_utc),
            (raw_fields(each).not_after, each.not_valid_after_utc),
        )
    )


def _has_negative_serial(of: Judged) -> bool:
    return any(each.serial_number < 0 for each in of.path)


def _is_signed_with_ed25519(of: Judged) -> bool:
    return any(each.signature_algorithm_oid == SignatureAlgorithmOID.ED25519 for each in of.path[:-1])


def _is_signed_with_sha1(of: Judged) -> bool:
    return any(each.signature_algorithm_oid == SignatureAlgorithmOID.RSA_WITH_SHA1 for each in of.path)


def _has_small_key(of: Judged) -> bool:
    keys = (each.public_key() for each in of.path)
    return any(isinstance(public, rsa.RSAPublicKey) and public.key_size < 2048 for public in keys)


REFUSED_TOO = (
    RefusesToo(
        ("openssl",),
        lambda of: (netscape_types(of.question.server) or NETSCAPE_SSL_SERVER) & NETSCAPE_SSL_SERVER == 0,
        "OpenSSL reads the Netscape certificate type; it alone, so we warn (server.netscape_type)",
        DEFECTS["netscape_type_of_a_client"][0],
    ),
    RefusesToo(
        ("openssl",),
        _usage_is_for_no_tls,
        "a key usage without any of TLS's: we say server.no_signature, whatever else it allows",
        _change("server", usages=_CRL_SIGN),
    ),
    RefusesToo(
        ("cryptography",),
        _a_name_is_spelled_otherwise,
        "names are compared byte for byte: we say path.name_spelling, an error that OpenSSL does not mind",
        _change("server", respell=respelling.common_name_as("issuer", respelling.PRINTABLE)),
    ),
    RefusesToo(
        ("certtool",),
        _gnutls_finds_no_issuer,
        "GnuTLS compares names' bytes where it looks up the trust anchor, and their texts, with case, below",
        _change("intermediate", respell=respelling.common_name_as("issuer", respelling.PRINTABLE)),
    ),
    RefusesToo(
        ("cryptography",),
        lambda of: any(violations((of.question.server, of.question.server))),
        "a server's own name constraints are held against itself: we warn with server.name_constraints",
        DEFECTS["server_constrains_names"][0],
    ),
    RefusesToo(
        ("cryptography",),
        _has_generalized_time,
        "a GeneralizedTime before 2050: we warn with encoding.time",
        _change("server", respell=respelling.generalized_time("notAfter")),
    ),
    RefusesToo(
        ("cryptography",),
        _has_negative_serial,
        "serial numbers must not be negative: we warn with encoding.serial",
        _change("server", respell=respelling.serial_number(-5)),
    ),
    RefusesToo(
        ("cryptography",),
        _is_signed_with_ed25519,
        "browsers take no signature with Ed25519: we say key.not_rsa",
        _change("intermediate", key=ed25519.Ed25519PrivateKey.generate()),
    ),
    RefusesToo(
        ("cryptography",),
        _has_small_key,
        "RSA keys below 2048 bits are too weak: we say key.too_small",
        _change("intermediate", key=key(1, 1024)),
    ),
    RefusesToo(
        ("pyopenssl",),
        _two_below_the_root_share_a_number,
        "OpenSSL 4.0.3 takes one of them for the other: we say encoding.serial_repeated",
        _one_number_for_two_below_the_root,
    ),
    RefusesToo(
        ("cryptography", "certtool"),
        _is_signed_with_sha1,
        "SHA-1 is broken: we say signature.not_sha256",
        _change("server", respell=respelling.sha1),
    ),
    RefusesToo(
        ("cryptography",),
        lambda of: not names_to_ask_for(of.question.server),
        "it must be asked for a name, and looks for it in the SAN alone: we say san.missing or san.host_missing",
        _change("server", san=None),
    ),
)

__all__ = ["IGNORED", "PATH_CODES", "REFUSED_TOO", "Judged", "foretold", "judged"]
