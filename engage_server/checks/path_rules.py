"""Whether each certificate may, and did, issue the next (RFC 5280 section 6.1)."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.chain import is_issued_by, is_self_issued
from engage_server.pki.names import display_name
from engage_server.records import AnchorRole


def signature_is_valid(case: ChainCase) -> Iterator[Finding]:
    """Every certificate is signed by the key of its issuer; the root by its own."""
    for certificate, issuer in case.issued_pairs:
        if not is_issued_by(certificate, issuer):
            yield Finding(
                Severity.ERROR,
                "path.signature_invalid",
                f"it is not signed by the key of {display_name(issuer.subject)}",
                display_name(certificate.subject),
                "RFC 5280 section 6.1.3 (a) (1)",
                "Use certificates of one build: the issuer was probably made again under the same name.",
            )


def issuer_is_ca(case: ChainCase) -> Iterator[Finding]:
    """Every issuer says that it is a CA and may sign certificates."""
    for issuer in list(case.chain)[:-1]:
        constraints = extension(issuer, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            yield Finding(
                Severity.ERROR,
                "path.issuer_not_ca",
                "it issued a certificate but its basic constraints do not say CA:TRUE",
                display_name(issuer.subject),
                "RFC 5280 section 6.1.4 (k); OpenSSL refuses it with error 79",
                "Issue it again as a CA; 'openssl ca' with the stock configuration makes this mistake.",
            )
        usage = extension(issuer, x509.KeyUsage)
        if usage is not None and not usage.key_cert_sign:
            yield Finding(
                Severity.ERROR,
                "path.issuer_may_not_sign",
                "its key usage does not allow it to sign certificates",
                display_name(issuer.subject),
                "RFC 5280 section 6.1.4 (n)",
                "Issue it again with keyCertSign.",
            )


def path_length_is_kept(case: ChainCase) -> Iterator[Finding]:
    """No CA has more intermediates below it than its path length allows."""
    path = list(case.chain)
    for place, issuer in enumerate(path[:-1]):
        constraints = extension(issuer, x509.BasicConstraints)
        below = sum(not is_self_issued(certificate) for certificate in path[place + 1 : -1])
        limit = constraints.path_length if constraints else None
        if limit is not None and below > limit:
            yield Finding(
                Severity.ERROR,
                "path.length_exceeded",
                f"{below} intermediate(s) stand below it; its path length allows {limit}",
                display_name(issuer.subject),
                "RFC 5280 section 6.1.4 (m)",
                "Issue it again with a longer path length, or drop an intermediate.",
            )


def server_is_no_ca(case: ChainCase) -> Iterator[Finding]:
    """The server certificate is an end entity that may be a TLS server."""
    server = case.chain.server
    name = display_name(server.subject)
    constraints = extension(server, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield Finding(
            Severity.WARNING,
            "server.is_ca",
            "the server certificate says CA:TRUE: whoever has its key can make certificates that devices trust",
            name,
            "RFC 5280 section 4.2.1.9",
            "Issue it again with CA:FALSE.",
        )
    usages = extension(server, x509.ExtendedKeyUsage)
    if usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        yield Finding(
            Severity.ERROR,
            "server.usage",
            "its extended key usage does not allow TLS servers",
            name,
            "RFC 5280 section 4.2.1.12",
            "Issue it again with serverAuth, or without an extended key usage.",
        )


def root_can_be_rolled_over(case: ChainCase) -> Iterator[Finding]:
    """A path length on the root forbids the link certificate of a later rollover."""
    constraints = extension(case.chain.root, x509.BasicConstraints)
    if constraints is not None and constraints.path_length is not None:
        yield Finding(
            Severity.WARNING,
            "root.path_length",
            f"the root has path length {constraints.path_length}; a link certificate would exceed it, so this root "
            "can only be replaced by a cut-over",
            display_name(case.chain.root.subject),
            "RFC 4210 section 4.4; RFC 5280 section 6.1.4 (m)",
            "Make a root without a path length before devices depend on this one.",
        )


def anchor_is_self_signed(case: ChainCase) -> Iterator[Finding]:
    """An intermediate as trust anchor validates only in clients that accept partial chains."""
    if case.anchor is AnchorRole.INTERMEDIATE:
        yield Finding(
            Severity.WARNING,
            "anchor.intermediate",
            "devices are given the intermediate; it validates only where the firmware accepts a partial chain",
            display_name(case.chain.anchor(case.anchor).subject),
            "the vendor's pages disagree; X509_V_FLAG_PARTIAL_CHAIN in OpenSSL's terms",
            "Try it with one device of each kind, or use the root as the site's anchor.",
        )
