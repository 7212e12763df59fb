"""The chain against a device's memory."""

from collections.abc import Iterator

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.byte_budget import link_certificate_bytes
from engage_server.pki.encodings import der, pem


def chain_fits(case: ChainCase) -> Iterator[Finding]:
    """The root and every other certificate that is sent fit together into a device, counted as DER."""
    total, limit = _total(case), case.at.profile.chain_der_bytes
    if total > limit:
        yield Finding(
            Severity.ERROR,
            "chain.too_long",
            sentence=f"the chain has {total} bytes of DER, {total - limit} more than the {limit} that devices hold",
            certificate="",
            source=case.at.profile.chain_source,
            mend=(
                "Send nothing that is no part of the path, and nothing twice. Shorten names, take hosts out of the "
                "SAN, leave out CRL, AIA and policy extensions."
            ),
            measured=f"{total} bytes",
            limit=f"{limit} bytes",
        )


def link_certificate_fits(case: ChainCase) -> Iterator[Finding]:
    """There is room for the link certificate of a later root rollover."""
    if case.links:  # the rollover is going on: the next one finds a chain without them
        return
    left = case.at.profile.chain_der_bytes - _total(case)
    needed = link_certificate_bytes(case.root) if case.root else 0
    if 0 <= left < needed:
        yield Finding(
            Severity.WARNING,
            "chain.no_room_for_link",
            sentence=(
                f"{left} bytes are left; the link certificate of a root rollover needs {needed}, so the "
                "root can only be "
                "replaced by a cut-over"
            ),
            certificate="",
            source="RFC 4210 section 4.4",
            mend="Shorten names or the SAN before devices depend on this root.",
            measured=f"{left} bytes left",
            limit=f"{needed} bytes",
        )


def pem_is_longer(case: ChainCase) -> Iterator[Finding]:
    """The vendor does not say in which encoding the bytes count."""
    limit, as_pem = case.at.profile.chain_der_bytes, len(pem(case.counted))
    if _total(case) <= limit < as_pem:
        yield Finding(
            Severity.NOTE,
            "chain.pem_long",
            sentence=f"as PEM the chain has {as_pem} bytes; should a device count PEM, it is too long",
            certificate="",
            source="our assumption: DER counts, because TLS carries DER",
            mend="Nothing, unless a device reports TLS connection errors.",
            measured=f"{as_pem} bytes",
            limit=f"{limit} bytes",
        )


def _total(case: ChainCase) -> int:
    return sum(len(der(certificate)) for certificate in case.counted)
