"""The chain against a device's memory."""

from collections.abc import Iterator

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES, measure
from engage_server.pki.names import display_name

_SOURCE = "host server page, important note: NDE and MT20W support a chain of at most 4096 bytes, root included"


def chain_fits(case: ChainCase) -> Iterator[Finding]:
    """Root, intermediates and server certificate together have at most 4096 bytes of DER."""
    budget = measure(case.chain)
    if not budget.fits:
        yield Finding(
            Severity.ERROR,
            "chain.too_long",
            f"the chain has {budget.total} bytes of DER, {-budget.left} more than the {budget.limit} that devices hold",
            "",
            _SOURCE,
            "Shorten names, take hosts out of the SAN, leave out CRL, AIA and policy extensions.",
        )


def link_certificate_fits(case: ChainCase) -> Iterator[Finding]:
    """There is room for the link certificate of a later root rollover."""
    budget = measure(case.chain)
    if budget.fits and budget.left_with_link < 0:
        yield Finding(
            Severity.WARNING,
            "chain.no_room_for_link",
            f"{budget.left} bytes are left; the link certificate of a root rollover needs "
            f"{budget.link_certificate_bytes}, so the root can only be replaced by a cut-over",
            "",
            "RFC 4210 section 4.4",
            "Shorten names or the SAN before devices depend on this root.",
        )


def pem_is_longer(case: ChainCase) -> Iterator[Finding]:
    """The vendor does not say in which encoding the bytes count."""
    budget = measure(case.chain)
    if budget.fits and budget.pem_bytes > MAX_CHAIN_DER_BYTES:
        yield Finding(
            Severity.NOTE,
            "chain.pem_long",
            f"as PEM the chain has {budget.pem_bytes} bytes; should a device count PEM, it is too long",
            display_name(case.chain.root.subject),
            "our assumption: DER counts, because TLS carries DER",
            "Nothing, unless a device reports TLS connection errors.",
        )
