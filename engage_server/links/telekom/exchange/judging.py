"""Judges a set: all findings, and the exchange sheet with what is there and what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engage_server.checks.finding import Finding, Severity
from engage_server.links.telekom.certificates.requests import fingerprint
from engage_server.links.telekom.exchange import (
    chain_rules,
    date_rules,
    endpoint_rules,
    file_rules,
    key_rules,
    profile_rules,
)
from engage_server.links.telekom.exchange.case import Case
from engage_server.links.telekom.exchange.sheet import ITEMS, OWN, Giver, Item, Kind

RULES = (
    file_rules.files_can_be_read,
    file_rules.files_have_a_place,
    key_rules.keys_are_apart,
    key_rules.telekoms_certificates_are_theirs,
    key_rules.keys_are_long_enough,
    key_rules.keys_belong,
    key_rules.secrets_are_kept,
    endpoint_rules.environments_are_apart,
    endpoint_rules.urls_can_be_called,
    endpoint_rules.certificates_name_their_hosts,
    endpoint_rules.hosts_serve_what_the_sheet_says,
    profile_rules.version_is_3,
    profile_rules.is_no_authority,
    profile_rules.usages_fit,
    profile_rules.has_the_smaller_extensions,
    profile_rules.subject_is_yours,
    chain_rules.signatures_are_strong,
    chain_rules.chains_hold,
    chain_rules.roots_are_telekoms,
    date_rules.is_valid,
    date_rules.lasts_three_years_at_most,
    date_rules.only_one_counts,
)
_ORDER = list(Severity)


class State(StrEnum):
    """How far an item is."""

    HERE = "here"
    REQUESTED = "requested"  # a certificate that was requested, and has not come yet
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the sheet.

    Attributes:
        item: The item.
        state: How far it is.
        source: Where it was found; "" if it is missing.
        detail: The end of a certificate, a URL, or the fingerprint of a request. Never a secret.
        to_do: Who has to do what; "" if nothing is to be done.
    """

    item: Item
    state: State
    source: str
    detail: str
    to_do: str


def findings_of(case: Case) -> tuple[Finding, ...]:
    """All findings, most severe first, each once."""
    found = dict.fromkeys(each for rule in RULES for each in rule(case))
    return tuple(sorted(found, key=lambda each: _ORDER.index(each.severity)))


def sheet_of(case: Case) -> tuple[Row, ...]:
    """Every item of the sheet, in its order."""
    return tuple(_row(case, item) for item in ITEMS.values())


def _row(case: Case, item: Item) -> Row:
    for source, detail in _found(case, item):
        return Row(item, State.HERE, source, detail, _renewal(case, item))
    for request in case.waiting(item.sign):
        to_do = f"send {request.source} to Telekom, and put the certificate here"
        return Row(item, State.REQUESTED, request.source, fingerprint(request.request), to_do)
    return Row(item, State.MISSING, "", "", _missing(item))


def _found(case: Case, item: Item) -> Iterator[tuple[str, str]]:
    if item.kind is Kind.CERTIFICATE:
        for one in case.current(item.sign):
            yield one.source, f"until {one.certificate.not_valid_after_utc:%Y-%m-%d}"
    for url in case.found.urls:
        if url.sign == item.sign:
            yield url.source, url.url
    for secret in case.found.secrets:
        if secret.sign == item.sign and not secret.is_empty:
            yield secret.source, ""


def _renewal(case: Case, item: Item) -> str:
    waiting = case.waiting(item.sign)
    return f"renewal: send {waiting[0].source} to Telekom" if waiting else ""


def _missing(item: Item) -> str:
    if item.sign in OWN:
        use = "sign" if item.sign in "13" else "ssl"
        return f"you: engage telekom csr --environment {item.environment} --use {use}"
    if item.giver is Giver.TELEKOM:
        return "Telekom sends it"
    return "you: make it in the portal" if item.kind is Kind.SECRET else "you: choose and send it"
