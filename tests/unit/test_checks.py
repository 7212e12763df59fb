"""Each rule: the chain that breaks it, the findings that must come and no others."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from engage_server.checks import RULES, ChainCase, Severity, run_checks
from engage_server.records import AnchorRole, Host
from tests.chains import HOSTS, NOW, Recipe, good_chain, key

CLIENT_AUTH = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")

CASES: list[tuple[str, Recipe, set[str]]] = [
    ("good", Recipe(), set()),
    ("two intermediates", Recipe(extra_intermediates=1, intermediate_path_length=1), {"chain.pem_long"}),
    ("root with pathlen", Recipe(root_path_length=1), {"root.path_length"}),
    (
        "root with pathlen 0",
        Recipe(root_path_length=0),
        {"root.path_length", "path.length_exceeded"},
    ),
    ("intermediate exceeds", Recipe(extra_intermediates=1), {"path.length_exceeded", "chain.pem_long"}),
    ("intermediate CA:FALSE", Recipe(intermediate_ca=False), {"path.issuer_not_ca"}),
    ("intermediate may not sign", Recipe(intermediate_cert_sign=False), {"path.issuer_may_not_sign"}),
    ("server signed by a stranger", Recipe(server_signed_by_stranger=True), {"path.signature_invalid"}),
    ("server is a CA", Recipe(server_ca=True), {"server.is_ca"}),
    ("server for clients", Recipe(server_usage=CLIENT_AUTH), {"server.usage"}),
    ("server without usage", Recipe(server_usage=None), set()),
    ("no SAN", Recipe(server_san=None), {"san.missing"}),
    ("host not in SAN", Recipe(server_san=HOSTS[:3]), {"san.host_missing"}),
    ("address as name", Recipe(server_san=(*HOSTS[:3], Host("127.0.0.2"))), {"san.host_missing"}),
    ("foreign CN", Recipe(server_common_name="somebody else"), {"server.common_name"}),
    ("expired", Recipe(server_until=NOW - timedelta(seconds=1)), {"validity.expired"}),
    ("not yet", Recipe(server_from=NOW + timedelta(hours=1)), {"validity.not_yet"}),
    ("just begun", Recipe(server_from=NOW - timedelta(hours=1)), {"validity.just_begun"}),
    (
        "outlives its issuer",
        Recipe(intermediate_until=NOW + timedelta(days=100)),
        {"validity.outlives_issuer"},
    ),
    ("intermediate key too large", Recipe(intermediate_key_bits=3072), {"key.too_large"}),
    ("server key too large", Recipe(server_key_bits=2056), {"key.too_large"}),
    ("server key too small", Recipe(server_key_bits=1024), {"key.too_small"}),
    ("EC key", Recipe(server_ec_key=True), {"key.not_rsa", "key.mismatch"}),
    ("SHA-384", Recipe(server_hash=hashes.SHA384()), {"signature.not_sha256"}),
    ("too long", Recipe(padding_bytes=3000), {"chain.too_long"}),
    ("no room for a link", Recipe(padding_bytes=1200), {"chain.no_room_for_link", "chain.pem_long"}),
]


def _codes(case: ChainCase) -> set[str]:
    return {finding.code for finding in run_checks(case)}


@pytest.mark.parametrize(("recipe", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_defect_gives_its_findings_and_no_others(recipe: Recipe, expected: set[str]) -> None:
    chain, server_key = recipe.build()
    assert _codes(ChainCase(chain, NOW, HOSTS, AnchorRole.ROOT, server_key.public_key())) == expected


def test_every_rule_is_broken_by_some_case() -> None:
    broken = set()
    for _, recipe, _ in CASES:
        chain, server_key = recipe.build()
        case = ChainCase(chain, NOW, HOSTS, AnchorRole.INTERMEDIATE, server_key.public_key())
        broken |= {rule for rule in RULES if list(rule(case))}
    assert broken == set(RULES)


def test_what_is_built_has_no_finding() -> None:
    built = good_chain()
    assert run_checks(ChainCase(built.chain, NOW, HOSTS, AnchorRole.ROOT, built.server_key.public_key())) == []


def test_a_foreign_key_does_not_belong() -> None:
    case = ChainCase(good_chain().chain, NOW, HOSTS, AnchorRole.ROOT, key(0).public_key())
    assert _codes(case) == {"key.mismatch"}


def test_an_intermediate_as_anchor_is_warned_about() -> None:
    case = ChainCase(good_chain().chain, NOW, HOSTS, AnchorRole.INTERMEDIATE)
    (finding,) = run_checks(case)
    assert (finding.code, finding.severity) == ("anchor.intermediate", Severity.WARNING)


def test_a_wildcard_stands_for_one_label() -> None:
    san = (Host("*.example.org"), *HOSTS[1:])
    chain, _ = Recipe(server_san=san).build()
    assert "san.host_missing" not in _codes(ChainCase(chain, NOW, HOSTS))
    assert "san.host_missing" in _codes(ChainCase(chain, NOW, (Host("a.locks.example.org"),)))
    assert "san.host_missing" in _codes(ChainCase(chain, NOW, (Host("example.org"),)))


def test_the_worst_comes_first_and_the_list_is_stable() -> None:
    chain, _ = Recipe(padding_bytes=1000, server_san=None, root_path_length=1).build()
    case = ChainCase(chain, NOW, HOSTS)
    severities = [finding.severity for finding in run_checks(case)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert run_checks(case) == run_checks(case)


def test_every_finding_explains_itself() -> None:
    for _, recipe, _ in CASES:
        chain, server_key = recipe.build()
        for finding in run_checks(ChainCase(chain, NOW, HOSTS, AnchorRole.INTERMEDIATE, server_key.public_key())):
            assert finding.sentence
            assert finding.mend
            assert finding.source
            area, _, what = finding.code.partition(".")
            assert area.islower()
            assert what.islower()
