"""The list of all rules. To add one, write a function in one of the rule modules and add a line here."""

from collections.abc import Callable, Iterator

from engage_server.checks.case import ChainCase
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.rules import (
    bundle_rules,
    constraint_rules,
    encoding_rules,
    extension_rules,
    issuer_rules,
    key_rules,
    name_rules,
    path_rules,
    size_rules,
    validity_rules,
)
from engage_server.pki.warnings_of_cryptography import quietly

Rule = Callable[[ChainCase], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    path_rules.path_is_complete,
    path_rules.signature_is_valid,
    path_rules.issuer_is_ca,
    path_rules.issuer_may_serve_tls,
    path_rules.path_length_is_kept,
    path_rules.server_is_no_ca,
    path_rules.root_can_be_rolled_over,
    path_rules.anchor_is_self_signed,
    path_rules.anchor_is_in_path,
    bundle_rules.nothing_unrelated,
    bundle_rules.nothing_twice,
    bundle_rules.root_is_not_sent,
    bundle_rules.sent_in_order,
    bundle_rules.sent_is_valid_now,
    bundle_rules.sent_is_renewed,
    key_rules.key_is_rsa,
    key_rules.key_fits_devices,
    key_rules.exponent_is_usual,
    key_rules.signature_is_sha256,
    key_rules.signature_is_no_pss,
    key_rules.server_key_belongs,
    name_rules.every_host_is_named,
    name_rules.common_name_is_a_host,
    validity_rules.is_valid_now,
    validity_rules.ends_soon,
    validity_rules.outlived_by_issuer,
    validity_rules.tolerates_wrong_clocks,
    size_rules.chain_fits,
    size_rules.link_certificate_fits,
    size_rules.pem_is_longer,
    encoding_rules.version_is_3,
    encoding_rules.serial_number_is_usual,
    encoding_rules.serial_number_is_unique,
    encoding_rules.times_have_the_right_form,
    encoding_rules.strings_are_usual,
    encoding_rules.signature_algorithms_agree,
    encoding_rules.names_are_not_empty,
    encoding_rules.attributes_have_their_length,
    encoding_rules.no_unique_identifiers,
    extension_rules.critical_extensions_are_known,
    extension_rules.extensions_can_be_read,
    extension_rules.netscape_type_is_a_servers,
    extension_rules.no_extension_stands_twice,
    extension_rules.path_length_is_a_cas,
    extension_rules.server_may_not_issue,
    extension_rules.nameless_server_has_critical_san,
    extension_rules.no_staple_is_promised,
    constraint_rules.names_are_permitted,
    constraint_rules.only_a_ca_constrains_names,
    constraint_rules.policies_are_kept,
    issuer_rules.key_identifiers_match,
    issuer_rules.issuer_serial_numbers_match,
    issuer_rules.issuer_is_identified,
    issuer_rules.issuer_states_what_it_may,
    issuer_rules.issuer_has_key_identifier,
    issuer_rules.self_issued_ones_name_their_issuer,
    issuer_rules.issuer_is_told_from_its_namesakes,
    issuer_rules.names_are_spelled_alike,
    key_rules.server_key_usage_fits,
)

_OF_A_SERVER = {  # where the server certificate is missing, they would blame a CA for being one
    path_rules.server_is_no_ca,
    key_rules.server_key_belongs,
    key_rules.server_key_usage_fits,
    name_rules.every_host_is_named,
    name_rules.common_name_is_a_host,
}

_ORDER = {severity: place for place, severity in enumerate(Severity)}


def run_checks(case: ChainCase) -> list[Finding]:
    """Run every rule and return all findings, most severe first. The same case always gives the same list."""
    with quietly():  # a rule reports whatever cryptography warns about
        rules = [rule for rule in RULES if case.has_server or rule not in _OF_A_SERVER]
        findings = [finding for rule in rules for finding in rule(case)]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])
