"""Each defect gives its findings and no others; one that is just right gives none."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engage_server.checks.finding import Severity
from engage_server.links.telekom.certificates.profiles import PROFILES
from engage_server.links.telekom.certificates.requests import build_request
from engage_server.links.telekom.exchange.codes import CODES
from engage_server.links.telekom.exchange.exchange_set import Fault, FoundCertificate
from engage_server.links.telekom.exchange.judging import findings_of
from tests.support.chains import NOW, key
from tests.support.telekom import SAMPLE
from tests.support.telekom_sets import (
    DAY,
    KEY_NUMBERS,
    SECOND,
    WARN_WITHIN,
    Authority,
    Plan,
    authority,
    common_name,
    issued_by_openssl,
    renamed,
    right_plan,
    root_by_openssl,
)

Change = Callable[[Plan], None]


@dataclass(frozen=True)
class Defect:
    """A change of the right plan, and all findings that must come: ``CODE`` and the items that they are about."""

    change: Change
    expected: frozenset[tuple[str, str]]


DEFECTS: dict[str, Defect] = {}
JUST_RIGHT: dict[str, Change] = {}


def defect(*expected: tuple[str, str]) -> Callable[[Change], Change]:
    """Register a defect."""

    def register(change: Change) -> Change:
        DEFECTS[change.__name__] = Defect(change, frozenset(expected))
        return change

    return register


def just_right(change: Change) -> Change:
    """Register a change that gives no finding: the control of a defect."""
    JUST_RIGHT[change.__name__] = change
    return change


def found(plan: Plan) -> set[tuple[str, str]]:
    """Codes without their first part, and the begin of what they are about."""
    return {
        (each.code.removeprefix("telekom."), each.certificate.partition("_")[0].split(" ")[0])
        for each in findings_of(plan.case())
    }


def test_nothing_is_wrong_with_the_right_set() -> None:
    assert findings_of(right_plan().case()) == ()


# keys


@defect(("key_in_both_environments", "1"), ("key_mismatch", "3"))
def one_private_key_in_both_environments(plan: Plan) -> None:
    plan.private["3"] = plan.drafts["1"].key


@defect(("key_in_both_environments", "2"))
def one_certified_key_in_both_environments(plan: Plan) -> None:
    plan.drafts["4"].key = plan.drafts["2"].key


@defect(("key_in_both_environments", "2"))
def one_key_for_tls_of_ta_and_signatures_of_pe(plan: Plan) -> None:
    plan.drafts["3"].key = plan.drafts["2"].key


@defect(("key_in_both_uses", "3"))
def one_key_in_both_uses(plan: Plan) -> None:
    plan.drafts["4"].key = plan.drafts["3"].key


@defect(("key_in_both_environments", "1"))
def a_request_with_the_key_of_the_other_environment(plan: Plan) -> None:
    plan.requests["3"] = build_request(PROFILES[2], SAMPLE, key(KEY_NUMBERS["1"]))


@just_right
def a_request_to_renew_with_the_same_key(plan: Plan) -> None:
    plan.requests["1"] = build_request(PROFILES[0], SAMPLE, key(KEY_NUMBERS["1"]))


@defect(("own_certificate", "B"))
def our_certificate_in_place_of_telekoms(plan: Plan) -> None:
    plan.drafts["B"] = replace(plan.drafts["1"])


@defect(("key_too_small", "1"))
def a_short_key(plan: Plan) -> None:
    plan.drafts["1"].key = key(0, 1024)


@defect(("key_too_small", "A"))
def a_short_key_of_telekom(plan: Plan) -> None:
    plan.drafts["A"].key = key(0, 1024)


@defect(("key_too_small", "1"))
def a_request_with_a_short_key(plan: Plan) -> None:
    plan.requests["1"] = build_request(PROFILES[0], SAMPLE, key(0, 1024))


@defect(("key_not_rsa", "2"))
def an_elliptic_key(plan: Plan) -> None:
    plan.drafts["2"].key = ec.generate_private_key(ec.SECP256R1())


@just_right
def a_longer_key(plan: Plan) -> None:
    plan.drafts["2"].key = key(0, 3072)


@defect(("key_mismatch", "1"))
def the_key_of_another(plan: Plan) -> None:
    plan.private["1"] = key(30)


@defect(("key_missing", "4"))
def no_key(plan: Plan) -> None:
    plan.without_key.add("4")


@defect(("key_locked", "4"))
def a_locked_key(plan: Plan) -> None:
    plan.private["4"] = None


@defect(("key_locked", "4"), ("request_mismatch", "4"))
def a_locked_key_and_another_request(plan: Plan) -> None:
    plan.private["4"] = None
    plan.requests["4"] = build_request(PROFILES[3], SAMPLE, key(31))


@just_right
def a_renewal_that_waits(plan: Plan) -> None:
    plan.requests["4"] = build_request(PROFILES[3], SAMPLE, key(31))


@defect(("key_unencrypted", "2"))
def a_key_in_the_open(plan: Plan) -> None:
    plan.unencrypted.add("2")


@defect(("readable_by_others", "2"), ("readable_by_others", "K"))
def files_that_others_can_read(plan: Plan) -> None:
    plan.open_to_others |= {"2", "K"}


@defect(("secret_empty", "9"))
def an_empty_secret(plan: Plan) -> None:
    plan.empty.add("9")


# the profile


@defect(("is_ca", "1"))
def a_certificate_of_a_ca(plan: Plan) -> None:
    plan.drafts["1"].extensions["constraints"] = x509.BasicConstraints(ca=True, path_length=None)


@defect(("no_basic_constraints", "1"))
def no_basic_constraints(plan: Plan) -> None:
    del plan.drafts["1"].extensions["constraints"]


@defect(("key_usage_missing", "2"))
def a_key_usage_that_lacks_something(plan: Plan) -> None:
    plan.drafts["2"].extensions["usage"] = plan.drafts["1"].extensions["usage"]


@defect(("key_usage_more", "3"))
def a_key_usage_that_allows_more(plan: Plan) -> None:
    plan.drafts["3"].extensions["usage"] = plan.drafts["2"].extensions["usage"]


@defect(("key_usage_missing", "3"))
def no_key_usage(plan: Plan) -> None:
    del plan.drafts["3"].extensions["usage"]


@defect(("extended_usage_missing", "1"), ("extended_usage_more", "1"))
def the_extended_usage_of_the_other_use(plan: Plan) -> None:
    plan.drafts["1"].extensions["extended"] = plan.drafts["2"].extensions["extended"]


@defect(("extended_usage_more", "2"))
def one_more_extended_usage(plan: Plan) -> None:
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    plan.drafts["2"].extensions["extended"] = x509.ExtendedKeyUsage(both)


@defect(("extended_usage_missing", "2"))
def no_extended_usage(plan: Plan) -> None:
    del plan.drafts["2"].extensions["extended"]


@defect(("comment", "1"))
def no_comment(plan: Plan) -> None:
    del plan.drafts["1"].extensions["comment"]


@defect(("comment", "1"))
def the_comment_of_another_kind(plan: Plan) -> None:
    plan.drafts["1"].extensions["comment"] = plan.drafts["3"].extensions["comment"]


@defect(("comment", "1"))
def another_old_extension_in_place_of_the_comment(plan: Plan) -> None:
    comment = plan.drafts["1"].extensions["comment"]
    assert isinstance(comment, x509.UnrecognizedExtension)
    plan.drafts["1"].extensions["comment"] = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.16.840.1.113730.1.8"), comment.value
    )


@defect(("no_key_identifier", "1"))
def no_key_identifier(plan: Plan) -> None:
    del plan.drafts["1"].extensions["identifier"]


@defect(("no_alternative_name", "2"))
def no_alternative_name(plan: Plan) -> None:
    del plan.drafts["2"].extensions["san"]


@defect(("no_alternative_name", "2"), ("host_not_named", "2"))
def no_alternative_name_and_another_host(plan: Plan) -> None:
    del plan.drafts["2"].extensions["san"]
    plan.urls |= {"5": "https://other.sample.org/", "6": "https://other.sample.org/"}


@defect(("host_not_named", "4"))
def a_url_with_another_host(plan: Plan) -> None:
    plan.urls["8"] = "https://other.sample.org/"


@defect(("host_not_named", "2"))
def no_urls_and_the_name_of_another(plan: Plan) -> None:
    del plan.urls["5"], plan.urls["6"]
    plan.drafts["2"].extensions["san"] = x509.SubjectAlternativeName([x509.DNSName("other.sample.org")])


@defect(("host_not_named", "A"))
def telekoms_certificate_for_another_host(plan: Plan) -> None:
    plan.urls["E"] = "https://other.example.net/"


@just_right
def a_wildcard(plan: Plan) -> None:
    plan.drafts["2"].extensions["san"] = x509.SubjectAlternativeName([x509.DNSName("*.Sample.org")])


@defect(("host_not_named", "2"))
def a_wildcard_for_two_labels(plan: Plan) -> None:
    plan.drafts["2"].extensions["san"] = x509.SubjectAlternativeName([x509.DNSName("*.org")])


@just_right
def the_certificate_is_presented(plan: Plan) -> None:
    plan.served["2"] = plan.drafts["2"].issued()


@defect(("other_certificate_served", "2"))
def another_certificate_is_presented(plan: Plan) -> None:
    plan.served["2"] = plan.drafts["4"].issued()


# the subject


@defect(("subject_differs", "1"))
def another_organization(plan: Plan) -> None:
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, {NameOID.ORGANIZATION_NAME: "Other Organization"})


@defect(("subject_differs", "1"))
def the_unit_of_the_other_environment(plan: Plan) -> None:
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, {NameOID.ORGANIZATIONAL_UNIT_NAME: "M2M"})


@defect(("subject_missing", "1"))
def no_unit_as_public_cas_issue_it(plan: Plan) -> None:
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, {NameOID.ORGANIZATIONAL_UNIT_NAME: None})


@defect(("subject_email", "1"))
def no_email(plan: Plan) -> None:
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, {NameOID.EMAIL_ADDRESS: None})


@defect(("subject_email", "1"))
def another_email(plan: Plan) -> None:
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, {NameOID.EMAIL_ADDRESS: "other@sample.org"})


@defect(("subject_differs", "1"))
def a_request_in_the_name_of_another(plan: Plan) -> None:
    plan.requests["1"] = build_request(PROFILES[0], replace(SAMPLE, organization="Other"), key(32))


@just_right
def other_case_and_spaces(plan: Plan) -> None:
    changes = {NameOID.ORGANIZATION_NAME: "SAMPLE  Organization S.E.", NameOID.COMMON_NAME: "TA.sample.org"}
    plan.drafts["1"].subject = renamed(plan.drafts["1"].subject, changes)


@defect(("no_organisation", ""))
def no_organisation(plan: Plan) -> None:
    plan.organisation = None


# dates


@defect(("expired", "1"))
def expired(plan: Plan) -> None:
    plan.drafts["1"].until = NOW - SECOND


@just_right
def the_last_second_after_the_warning(plan: Plan) -> None:
    plan.drafts["1"].until = NOW + WARN_WITHIN


@defect(("ends_soon", "C"))
def ends_soon(plan: Plan) -> None:
    plan.drafts["C"].until = NOW + WARN_WITHIN - SECOND


@defect(("ends_soon", "C"))
def ends_now(plan: Plan) -> None:
    plan.drafts["C"].until = NOW


@defect(("not_yet_valid", "1"))
def not_yet_valid(plan: Plan) -> None:
    plan.drafts["1"].since, plan.drafts["1"].until = NOW + SECOND, NOW + 900 * DAY


@defect(("too_long", "1"))
def more_than_three_years(plan: Plan) -> None:
    plan.drafts["1"].until += SECOND


@just_right
def valid_from_now_on(plan: Plan) -> None:
    plan.drafts["1"].since, plan.drafts["1"].until = NOW, NOW + 900 * DAY


@just_right
def telekoms_own_may_last_longer(plan: Plan) -> None:
    plan.drafts["A"].until += 1000 * DAY


@defect(("former", "1"))
def an_earlier_certificate(plan: Plan) -> None:
    earlier = replace(plan.drafts["1"], since=NOW - 900 * DAY, until=NOW - DAY)
    plan.along.append(FoundCertificate("1", "1_old.pem", earlier.issued()))


@just_right
def one_certificate_in_two_files(plan: Plan) -> None:
    plan.along.append(FoundCertificate("1", "1_copy.pem", plan.drafts["1"].issued()))


# who issued it


@defect(("self_signed", "1"))
def self_signed(plan: Plan) -> None:
    plan.drafts["1"].self_signed = True


@just_right
def telekoms_own_may_be_self_signed(plan: Plan) -> None:
    plan.drafts["B"].self_signed = True


@defect(*(("issuer_unknown", sign) for sign in "1234ABCD"))
def no_authorities(plan: Plan) -> None:
    plan.authorities.clear()


@defect(*(("issuer_broken", sign) for sign in "1234ABCD"))
def an_authority_of_the_same_name(plan: Plan) -> None:
    plan.authorities[:] = [authority("Root of Telekom", 9).certificate]


@defect(("issuer_broken", "1"), ("other_root", "1"))
def issued_by_what_is_no_ca(plan: Plan) -> None:
    plan.drafts["1"].issuer = authority("No CA", 9, ca=False)
    plan.authorities.append(plan.drafts["1"].issuer.certificate)


@defect(("issuer_expired", "1"), ("other_root", "1"))
def issued_by_what_expired(plan: Plan) -> None:
    plan.drafts["1"].issuer = authority("Old root", 9, until=NOW - DAY)
    plan.authorities.append(plan.drafts["1"].issuer.certificate)


@defect(("other_root", "1"))
def issued_by_what_expires_now(plan: Plan) -> None:
    plan.drafts["1"].issuer = authority("Old root", 9, until=NOW)
    plan.authorities.append(plan.drafts["1"].issuer.certificate)


@defect(("other_root", "1"))
def another_root(plan: Plan) -> None:
    plan.drafts["1"].issuer = authority("Root of a public CA", 9)
    plan.authorities.append(plan.drafts["1"].issuer.certificate)


# endpoints


@defect(("endpoint_in_both_environments", "5"), ("endpoint_in_both_environments", "6"), ("host_not_named", "4"))
def one_host_and_port(plan: Plan) -> None:
    plan.urls["7"] = "https://TA.sample.org:443/other"


@just_right
def one_host_and_two_ports(plan: Plan) -> None:
    plan.urls |= {"5": "https://ta.sample.org:8443/a", "6": "https://ta.sample.org:8443/b"}


@defect(("endpoint_in_both_environments", "E"))
def one_url_of_telekom(plan: Plan) -> None:
    plan.urls["G"] = plan.urls["E"]


@defect(("url_invalid", "5"))
def plain_http(plan: Plan) -> None:
    plan.urls["5"] = "http://ta.sample.org/"


@defect(*(("url_invalid", sign) for sign in "5678EFGH"))
def no_urls_at_all(plan: Plan) -> None:
    texts = ("", "ta.sample.org", "https://", "https://ta.sample.org:x/", "https://u:p@ta.sample.org/", "https://a b/")
    plan.urls |= dict(zip("5678EFGH", (*texts, "https://a.example:0/", "https://a.example/#x"), strict=True))


@defect(("port", "7"))
def another_port_in_production(plan: Plan) -> None:
    plan.urls["7"] = "https://m2m.sample.org:8443/"


@defect(("address", "5"), ("address", "6"))
def an_address(plan: Plan) -> None:
    plan.urls |= {"5": "https://192.0.2.7/a", "6": "https://192.0.2.7/b"}
    san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.7"))])
    plan.drafts["2"].extensions["san"] = san


# files


@defect(("unplaced", "note.pem"))
def a_file_without_a_place(plan: Plan) -> None:
    plan.unplaced = ("note.pem",)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name: str) -> None:
    plan = right_plan()
    DEFECTS[name].change(plan)
    assert found(plan) == DEFECTS[name].expected


@pytest.mark.parametrize("name", JUST_RIGHT)
def test_what_is_just_right_is_not_reported(name: str) -> None:
    plan = right_plan()
    JUST_RIGHT[name](plan)
    assert found(plan) == set()


def test_a_weak_signature(tmp_path: Path) -> None:
    plan = right_plan()
    plan.now = NOW + DAY  # openssl's begin now
    plan.instead["1"] = issued_by_openssl(plan.drafts["1"], tmp_path, "-copy_extensions", "copy", "-sha1")
    assert found(plan) == {("weak_signature", "1")}
    plan.instead["1"] = issued_by_openssl(plan.drafts["1"], tmp_path, "-copy_extensions", "copy", "-sha384")
    assert found(plan) == set()


def test_weak_signatures_of_cas_and_of_roots(tmp_path: Path) -> None:
    """A root's own signature proves nothing."""
    plan = right_plan()
    plan.now = NOW + DAY
    ca = replace(plan.drafts["1"], subject=common_name("Old CA"), key=key(34))
    ca.extensions = {"constraints": x509.BasicConstraints(ca=True, path_length=None)}
    certificate = issued_by_openssl(ca, tmp_path, "-copy_extensions", "copy", "-sha1")
    plan.authorities.append(certificate)
    plan.drafts["1"].issuer = Authority(key(34), certificate)
    (weak,) = findings_of(plan.case())
    assert (weak.code, weak.sentence) == ("telekom.weak_signature", "its CA Old CA is signed with sha1")
    plan.authorities[:] = [root_by_openssl(plan.drafts["2"].issuer, tmp_path, "-sha1")]
    plan.drafts["1"].issuer = plan.drafts["2"].issuer
    assert found(plan) == set()


def test_a_certificate_of_version_1(tmp_path: Path) -> None:
    plan = right_plan()
    plan.now = NOW + DAY
    plan.instead["1"] = issued_by_openssl(plan.drafts["1"], tmp_path)
    missing = ("no_basic_constraints", "key_usage_missing", "extended_usage_missing", "comment", "no_key_identifier")
    assert found(plan) == {(code, "1") for code in ("not_version_3", *missing)}


def test_a_file_that_cannot_be_read() -> None:
    plan = right_plan()
    case = plan.case()
    fault = Fault("1_.pem", "1_.pem: it is empty", "Write it again.")
    (finding,) = findings_of(replace(case, found=replace(case.found, faults=(fault,))))
    assert (finding.code, finding.certificate, finding.sentence) == ("telekom.unreadable", "1_.pem", "it is empty")
    assert finding.mend == "Write it again."


_ELSEWHERE = {"weak_signature", "not_version_3", "unreadable"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a_key_usage_that_lacks_something", "its key usage lacks keyEncipherment"),
        ("the_extended_usage_of_the_other_use", "its extended key usage lacks clientAuth"),
        ("another_organization", "O is Other Organization, not Sample Organization S.E."),
        ("no_unit_as_public_cas_issue_it", "its subject has no OU"),
        ("another_email", "emailAddress is other@sample.org, not m2m@sample.org"),
        ("no_email", "emailAddress is nothing, not m2m@sample.org"),
        ("a_short_key", "its key has 1024 bits; Telekom demands at least 2048"),
        ("ends_now", "it expires on " + f"{NOW:%Y-%m-%d}; days left: 0"),
        ("one_url_of_telekom", "URL of M2MAdm, TA is the same URL as URL of M2MAdm, PE: b2b.example.net:443"),
    ],
)
def test_a_sentence_says_what_and_which(name: str, sentence: str) -> None:
    plan = right_plan()
    DEFECTS[name].change(plan)
    assert sentence in [each.sentence for each in findings_of(plan.case())]


def test_every_code_has_a_defect() -> None:
    planted = {f"telekom.{code}" for each in DEFECTS.values() for code, _ in each.expected}
    assert planted | {f"telekom.{code}" for code in _ELSEWHERE} == set(CODES)


def test_the_most_severe_come_first_and_each_once() -> None:
    plan = right_plan()
    for name in ("a_key_in_the_open", "no_comment", "expired"):
        DEFECTS[name].change(plan)
    severities = [each.severity for each in findings_of(plan.case())]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
