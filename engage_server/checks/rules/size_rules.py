"""Rules on the size of a chain, compared with a device's memory."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.pki.byte_budget import Cost, costs_of, link_certificate_bytes
from engage_server.pki.encodings import der, pem
from engage_server.shown_text import without_controls

_SHOWN = 3  # parts of a chain in the fix of a finding


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
            mend=_what_to_shorten(case),
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
            mend=f"Make room before devices depend on this root. {_what_to_shorten(case)}",
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


def _what_to_shorten(case: ChainCase) -> str:
    """The parts of this chain that take the most bytes, of those that can be shorter or are not needed."""
    steps = []
    beside, keys = sum(len(der(each)) for each in case.sent_beside), _bytes_of_long_keys(case)
    if beside:
        steps.append(f"Send only the path, and each certificate once: that saves {beside} bytes.")
    if keys:
        steps.append(f"Use keys of {case.at.profile.rsa_key_bits} bits: that saves {keys} bytes.")
    parts = [cost for cost in costs_of(case.counted) if cost.mend][:_SHOWN]
    return " ".join([*steps, *map(_advice_on, parts)])


def _advice_on(cost: Cost) -> str:
    times = "" if cost.count == 1 else f", {cost.count} times"
    host = cost.what.removeprefix("SAN ")
    advice, unless = cost.mend.partition(":")[0].capitalize(), ""
    if host != cost.what:
        advice, unless = "Leave out", ", unless a device calls it"
    return f"{advice} {without_controls(host)} ({cost.der_bytes} bytes{times}){unless}."


def _bytes_of_long_keys(case: ChainCase) -> int:
    """The bytes that keys over the limit add, in certificates and in signatures."""
    most = case.at.profile.rsa_key_bits // 8
    held = [key.key_size // 8 for each in case.counted if isinstance(key := each.public_key(), rsa.RSAPublicKey)]
    return sum(max(0, size - most) for size in (*held, *(len(each.signature) for each in case.counted)))


def _total(case: ChainCase) -> int:
    return sum(len(der(certificate)) for certificate in case.counted)
