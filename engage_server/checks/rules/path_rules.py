"""Rules on the path: whether each certificate issued the next and was allowed to (RFC 5280 section 6.1)."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.chain import is_issued_by, is_self_issued, signature_can_be_read
from engage_server.pki.names import display_name


def path_is_complete(case: ChainCase) -> Iterator[Finding]:
    """The path leads from a server certificate to a root: it or the intermediate next to it is the anchor."""
    if not case.has_server:
        yield Finding(
            Severity.ERROR,
            "path.no_server",
            sentence="it is a CA, and there is no server certificate below it",
            certificate=about(case.server),
            source="the vendor's pages: root, intermediate, server certificate",
            mend="Add the server certificate: name its file as well, or copy it into the folder.",
        )
    if case.root is None:
        top = case.path[-1]
        yield Finding(
            Severity.ERROR,
            "path.incomplete",
            sentence=f"its issuer is missing: {display_name(top.issuer)}",
            certificate=about(top),
            source="RFC 5280 section 6.1",
            mend="Add the missing certificates, up to the root.",
        )
    elif len(case.path) == 1 and case.has_server:
        yield Finding(
            Severity.ERROR,
            "path.self_signed",
            sentence="the server certificate is self-signed, so there is no chain",
            certificate=about(case.server),
            source="the vendor's pages: root, intermediate, server certificate",
            mend="Build a chain: engage chain build.",
        )


def signature_is_valid(case: ChainCase) -> Iterator[Finding]:
    """Every certificate is signed with its issuer's key, and the root with its own."""
    for certificate, issuer in case.issued_pairs:
        if not is_issued_by(certificate, issuer):
            yield Finding(
                Severity.ERROR,
                "path.signature_invalid",
                sentence=f"it is not signed with the key of {about(issuer)}"
                if signature_can_be_read(certificate)
                else "its signature cannot be checked because the algorithm's parameters cannot be read",
                certificate=about(certificate),
                source="RFC 5280 section 6.1.3 (a) (1)",
                mend="Use certificates from one build. The issuer was probably built again under the same name.",
            )


def issuer_is_ca(case: ChainCase) -> Iterator[Finding]:
    """Every issuer is a CA (CA:TRUE) whose key usage allows it to sign certificates."""
    for issuer in case.issuers:
        constraints = extension(issuer, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            yield Finding(
                Severity.ERROR,
                "path.issuer_not_ca",
                sentence="it issued a certificate, but its basic constraints do not say CA:TRUE",
                certificate=about(issuer),
                source="RFC 5280 section 6.1.4 (k); OpenSSL refuses it with error 79",
                mend="Issue it again as a CA. 'openssl ca' with its default configuration makes this mistake.",
            )
        usage = extension(issuer, x509.KeyUsage)
        if usage is not None and not usage.key_cert_sign:
            yield Finding(
                Severity.ERROR,
                "path.issuer_may_not_sign",
                sentence="its key usage does not allow it to sign certificates",
                certificate=about(issuer),
                source="RFC 5280 section 6.1.4 (n)",
                mend="Issue it again with keyCertSign.",
            )


def issuer_may_serve_tls(case: ChainCase) -> Iterator[Finding]:
    """A CA's extended key usage includes TLS servers: most TLS stacks apply it to everything below the CA."""
    for issuer in case.issuers:
        usages = extension(issuer, x509.ExtendedKeyUsage)
        if usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages:
            yield Finding(
                Severity.ERROR,
                "path.issuer_usage",
                sentence="its extended key usage does not allow it to issue for TLS servers",
                certificate=about(issuer),
                source="RFC 5280 section 4.2.1.12 does not mention CAs; OpenSSL refuses the path",
                mend="Issue it again without an extended key usage.",
            )


def path_length_is_kept(case: ChainCase) -> Iterator[Finding]:
    """No CA has more intermediates below it than its path length allows."""
    for place, issuer in enumerate(case.path[1:]):
        constraints = extension(issuer, x509.BasicConstraints)
        between = case.path[1 : place + 1]
        limit = constraints.path_length if constraints else None
        if limit is not None and len(between) > limit:
            by_the_rfc = sum(not is_self_issued(certificate) for certificate in between) > limit
            why = "" if by_the_rfc else " (GnuTLS and Go count self-issued ones, RFC 5280 does not)"
            below = len(between)
            allowed = f"{limit} intermediate{'' if limit == 1 else 's'}"
            yield Finding(
                Severity.ERROR,
                "path.length_exceeded",
                sentence=f"its path length allows {allowed} below it, but the path has {below}{why}",
                certificate=about(issuer),
                source="RFC 5280 section 6.1.4 (m)",
                mend="Issue it again with a longer path length, or leave out an intermediate.",
                measured=f"{below} below",
                limit=f"{limit}",
            )


def server_is_no_ca(case: ChainCase) -> Iterator[Finding]:
    """The server certificate is not a CA, and its extended key usage includes TLS servers."""
    server, name = case.server, about(case.server)
    constraints = extension(server, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield Finding(
            Severity.WARNING,
            "server.is_ca",
            sentence="it says CA:TRUE; anyone who has its key can issue certificates that devices trust",
            certificate=name,
            source="RFC 5280 section 4.2.1.9",
            mend="Issue it again with CA:FALSE.",
        )
    usages = extension(server, x509.ExtendedKeyUsage)
    if usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        yield Finding(
            Severity.ERROR,
            "server.usage",
            sentence="its extended key usage does not allow TLS servers",
            certificate=name,
            source="RFC 5280 section 4.2.1.12",
            mend="Issue it again with serverAuth, or without an extended key usage.",
        )


def root_can_be_rolled_over(case: ChainCase) -> Iterator[Finding]:
    """The root has no path length: it would rule out the link certificate of a later rollover."""
    constraints = extension(case.root, x509.BasicConstraints) if case.root else None
    if case.root and constraints is not None and constraints.path_length is not None:
        yield Finding(
            Severity.WARNING,
            "root.path_length",
            sentence=(
                f"the root has path length {constraints.path_length}, which a link certificate would exceed; "
                "this root can only be replaced by a cut-over"
            ),
            certificate=about(case.root),
            source="RFC 4210 section 4.4; RFC 5280 section 6.1.4 (m)",
            mend="Build a root without a path length before devices depend on this one.",
        )


def anchor_is_self_signed(case: ChainCase) -> Iterator[Finding]:
    """The anchor is a root: an intermediate works only in clients that accept partial chains."""
    if case.anchor is not None and not is_self_issued(case.anchor):
        yield Finding(
            Severity.WARNING,
            "anchor.intermediate",
            sentence="devices are given the intermediate, which works only if they accept a partial chain",
            certificate=about(case.anchor),
            source="the vendor's pages disagree; X509_V_FLAG_PARTIAL_CHAIN in OpenSSL's terms",
            mend="Try it with one device of each kind, or use the root as the site's anchor.",
        )


def anchor_is_in_path(case: ChainCase) -> Iterator[Finding]:
    """The chain ends at the certificate that devices are given: no failure in the field is reported more often."""
    if case.at.anchor_certificate is not None and case.anchor is None:
        yield Finding(
            Severity.ERROR,
            "anchor.not_in_path",
            sentence=(
                "devices are given this certificate, but the chain does not end at it; "
                "they fetch it, fail in TLS and ask again, forever"
            ),
            certificate=about(case.at.anchor_certificate),
            source="reported from the field; the protocol notes, section 1",
            mend="Distribute the root of the chain that TLS presents. Check whether something in front terminates TLS.",
        )
    elif case.anchor is not None and case.anchor == case.server and len(case.path) > 1:
        yield Finding(
            Severity.ERROR,
            "anchor.is_server",
            sentence="devices are given the server certificate itself; they will never trust a renewed one",
            certificate=about(case.server),
            source="the vendor's pages: root or intermediate",
            mend="Distribute the root.",
        )
