"""Rules on the size of a chain, compared with a device's memory."""

from collections.abc import Iterator

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.byte_budget import link_certificate_bytes
from engage_server.pki.encodings import der, pem


def chain_fits(case: ChainCase) -> Iterator[Finding]:
    """The root and every other certificate that is sent fit into a device together, counted as DER."""
    total, limit = _total(case), case.at.profile.chain_der_bytes
    if total > limit:
        yield Finding(
            Severity.ERROR,
            "chain.too_long",
            sentence=f"the chain has {total} bytes of DER, {total - limit} more than the limit of {limit}",
            certificate="",
            source=case.at.profile.chain_source,
            mend=(
                "Send only the path, and each certificate once. Shorten names. Remove hosts from the SAN. "
                "Leave out the CRL, AIA and policy extensions."
            ),
            measured=f"{total} bytes",
            limit=f"{limit} bytes",
        )


def link_certificate_fits(case: ChainCase) -> Iterator[Finding]:
    """There is room for the link certificate of a later root rollover."""
    if case.links:  # a rollover is in progress; the next one starts from a chain without links
        return
    left = case.at.profile.chain_der_bytes - _total(case)
    needed = link_certificate_bytes(case.root) if case.root else 0
    if 0 <= left < needed:
        yield Finding(
            Severity.WARNING,
            "chain.no_room_for_link",
            sentence=(
                f"{left} bytes are left, but the link certificate of a root rollover needs {needed}; "
                "the root can only be replaced by a cut-over"
            ),
            certificate="",
            source="RFC 4210 section 4.4",
            mend="Shorten names or the SAN before devices depend on this root.",
            measured=f"{left} bytes left",
            limit=f"{needed} bytes",
        )


def pem_is_longer(case: ChainCase) -> Iterator[Finding]:
    """The chain is within the limit as PEM, too: the vendor does not say which encoding the limit is for."""
    limit, as_pem = case.at.profile.chain_der_bytes, len(pem(case.counted))
    if _total(case) <= limit < as_pem:
        yield Finding(
            Severity.NOTE,
            "chain.pem_long",
            sentence=f"as PEM the chain has {as_pem} bytes; it is too long if a device counts PEM",
            certificate="",
            source="our assumption: DER counts, because TLS carries DER",
            mend="Nothing to do, unless a device reports TLS connection errors.",
            measured=f"{as_pem} bytes",
            limit=f"{limit} bytes",
        )


def _total(case: ChainCase) -> int:
    return sum(len(der(certificate)) for certificate in case.counted)
