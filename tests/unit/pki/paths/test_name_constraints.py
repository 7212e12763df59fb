"""Which names lie within a constraint: RFC 5280 section 4.2.1.10, kind by kind."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.pki.paths.name_constraints import violations
from tests.support.defects import cn, right_plan

_Dns, _Mail, _Uri = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier


def _address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def _directory(*values: str) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in values]))


def _told(name: x509.GeneralName, constraints: x509.NameConstraints, subject: x509.Name | None = None) -> set[str]:
    plan = right_plan()
    plan.drafts["server"].name, plan.drafts["server"].san = subject or x509.Name([]), (name,)
    plan.drafts["intermediate"].more = [(constraints, False)]
    certificates = plan.certificates()
    found = violations((certificates["server"], certificates["intermediate"], certificates["root"]))
    return {f"{each.text} {each.why}" for each in found}


@pytest.mark.parametrize(
    ("name", "subtree", "within"),
    [
        (_Dns("locks.example.org"), _Dns("example.org"), True),
        (_Dns("example.org"), _Dns("example.org"), True),
        (_Dns("LOCKS.Example.ORG"), _Dns("example.org"), True),
        (_Dns("badexample.org"), _Dns("example.org"), False),
        (_Dns("example.org"), _Dns(".example.org"), False),
        (_Dns("locks.example.org"), _Dns(".example.org"), True),
        (_Dns("*.example.org"), _Dns("example.org"), True),
        (_Dns("anything.at.all"), _Dns(""), True),
        (_address("10.1.2.3"), _address("10.0.0.0/8"), True),
        (_address("11.1.2.3"), _address("10.0.0.0/8"), False),
        (_address("2001:db8::1"), _address("2001:db8::/32"), True),
        (_address("2001:db8::1"), _address("10.0.0.0/8"), False),
        (_Mail("door@example.org"), _Mail("example.org"), True),
        (_Mail("door@a.example.org"), _Mail("example.org"), False),
        (_Mail("door@a.example.org"), _Mail(".example.org"), True),
        (_Mail("door@Example.org"), _Mail("door@example.org"), True),
        (_Mail("other@example.org"), _Mail("door@example.org"), False),
        (_Uri("https://a.example.org/x"), _Uri(".example.org"), True),
        (_Uri("https://example.org/x"), _Uri(".example.org"), False),
        (_Uri("https://example.org:8443/x"), _Uri("example.org"), True),
        (_Uri("urn:no-host"), _Uri("example.org"), False),
        (_directory("A", "B"), _directory("A"), True),
        (_directory("a"), _directory("A"), True),
        (_directory("B", "A"), _directory("A"), False),
    ],
)
def test_within(name: x509.GeneralName, subtree: x509.GeneralName, within: bool) -> None:
    assert bool(_told(name, x509.NameConstraints([subtree], None))) is not within
    assert bool(_told(name, x509.NameConstraints(None, [subtree]))) is within


def test_a_constraint_on_one_kind_says_nothing_of_another() -> None:
    only_hosts = x509.NameConstraints([_Dns("example.org")], None)
    for name in (_address("10.0.0.1"), _Mail("a@b.example"), _directory("A")):
        assert _told(name, only_hosts) == set()


def test_what_is_permitted_and_excluded_is_excluded() -> None:
    both = x509.NameConstraints([_Dns("example.org")], [_Dns("locks.example.org")])
    assert _told(_Dns("locks.example.org"), both) == {"locks.example.org excluded"}
    assert _told(_Dns("doors.example.org"), both) == set()


def test_a_kind_that_nobody_judges_is_told() -> None:
    registered = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    (told,) = _told(registered, x509.NameConstraints([registered], None))
    assert "no TLS client can judge" in told


def test_the_subject_counts_as_directory_name_and_its_mail_address_as_one() -> None:
    subject = x509.Name([*cn("Door"), x509.NameAttribute(NameOID.EMAIL_ADDRESS, "door@example.net")])
    assert _told(_Dns("a.example.org"), x509.NameConstraints([_directory("A")], None), subject) != set()
    assert _told(_Dns("a.example.org"), x509.NameConstraints([_Mail("example.org")], None), subject) == {
        "door@example.net not permitted"
    }
