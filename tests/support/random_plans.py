"""Plans of chains at random: right ones with up to four changes that may or may not do harm.

How names are spelled is not varied here: what GnuTLS makes of that hangs on what else lies beside the path. The corpus
and the rows of tests/support/disagreements.py hold one case of each spelling.
"""

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import reject
from hypothesis import strategies as st
from pyasn1.error import PyAsn1Error

from tests.support import respelling
from tests.support.chains import NOW, key
from tests.support.defects import DAY, Draft, Plan, cn, right_plan

Change = Callable[[Plan, str], None]  # (plan, role of the certificate to change)

_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
_ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_NOBODYS = x509.ObjectIdentifier("1.2.3.4")


def _set(name: str, value: object) -> Change:
    def change(plan: Plan, role: str) -> None:
        setattr(plan.drafts[role], name, value)

    change.__name__ = f"{name} = {value!r}"
    return change


def _more(extension: x509.ExtensionType, *, critical: bool) -> Change:
    def change(plan: Plan, role: str) -> None:
        plan.drafts[role].more = [(extension, critical)]

    change.__name__ = f"extension {extension!r}, critical {critical}"
    return change


@cache
def _elliptic(_role: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _edwards(_role: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def elliptic_key(plan: Plan, role: str) -> None:
    """A P-256 key; no two certificates share one, for then each would be signed by itself."""
    plan.drafts[role].key = _elliptic(role)


def edwards_key(plan: Plan, role: str) -> None:
    """An Ed25519 key."""
    plan.drafts[role].key = _edwards(role)


def small_serial(plan: Plan, role: str) -> None:
    """A small serial number; no two are the same, which OpenSSL 4.0.3 takes now this way, now that."""
    plan.drafts[role].serial = 1 + list(plan.drafts).index(role)


def negative_serial(plan: Plan, role: str) -> None:
    """A serial number below zero."""
    plan.drafts[role].respell = respelling.serial_number(-1 - list(plan.drafts).index(role))


def left_out(plan: Plan, role: str) -> None:
    """The certificate is not there, unless it is the server's."""
    plan.leave_out |= {role} - {"server"}


def twin_along(plan: Plan, role: str) -> None:
    """A certificate of the same name and another key lies beside it: one, GnuTLS loses its way among several."""
    draft = plan.drafts[role]
    if any(each.subject == draft.name for each in plan.along):
        return
    twin = Draft(draft.name, key(4), NOW + 900 * DAY, True, usages=frozenset({"key_cert_sign"}))
    plan.along.append(twin.self_signed())


def stranger_along(plan: Plan, _role: str) -> None:
    """A certificate that has nothing to do with it."""
    stranger = Draft(cn("X"), key(3), NOW + 99 * DAY, True, usages=frozenset({"key_cert_sign"}))
    plan.along.append(stranger.self_signed())


_NETWORKS = [x509.IPAddress(ipaddress.ip_network(each)) for each in ("10.0.0.0/8", "127.0.0.0/8")]
CONSTRAINTS = (
    x509.NameConstraints([x509.DNSName("example.org"), x509.DNSName("localhost"), *_NETWORKS], None),
    x509.NameConstraints([x509.DNSName("example.org"), x509.DNSName("localhost")], _NETWORKS[1:]),
    x509.NameConstraints([x509.DNSName("locks.example.org")], None),
    x509.NameConstraints(_NETWORKS[:1], None),
    x509.NameConstraints(None, [x509.DNSName("locks.example.org")]),
    x509.NameConstraints(None, [x509.DNSName("example.com"), x509.DNSName("s.example.org")]),
    x509.NameConstraints(None, [x509.RFC822Name("example.org")]),
)

CHANGES: tuple[Change, ...] = (
    *(_set("ca", each) for each in (True, False)),
    _set("constraints", False),
    *(_set("path_length", each) for each in (None, 0, 1, 2)),
    *(_set("usages", each) for each in (None, frozenset({"crl_sign"}), frozenset({"key_cert_sign"}))),
    *(_set("usages", frozenset(each)) for each in ({"digital_signature"}, {"key_encipherment"}, {"key_agreement"})),
    *(_set("extended", each) for each in ((), (_CLIENT,), (_SERVER,), (_CLIENT, _SERVER), (_ANY,))),
    *(_set("since", NOW + each) for each in (-900 * DAY, timedelta(seconds=-7200), 2 * DAY)),
    *(_set("until", NOW + each) for each in (-2 * DAY, 2 * DAY, 500 * DAY, 9000 * DAY, 20000 * DAY)),
    *(_set("authority_identifier", each) for each in (None, b"", b"\x01" * 20)),
    *(_set("subject_identifier", each) for each in (None, b"", b"\x02" * 20)),
    *(_set("hash", each) for each in (hashes.SHA384(), hashes.SHA512())),
    elliptic_key,
    edwards_key,
    _set("signing_key", key(3)),
    small_serial,
    negative_serial,
    *(_set("name", each) for each in (cn("Another name"), cn("R"), cn("ÄÖÜ 名前"))),
    *(_set("issuer_name", each) for each in (cn("Another issuer"), cn("Yet another"))),
    *(_more(x509.UnrecognizedExtension(_NOBODYS, b"\x05\x00"), critical=each) for each in (True, False)),
    *(_more(each, critical=False) for each in CONSTRAINTS),
    _set("respell", respelling.generalized_time("notBefore")),
    left_out,
    twin_along,
    stranger_along,
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan with none to three intermediates and up to four changes."""
    plan = right_plan()
    server = plan.drafts.pop("server")
    depth = draw(st.integers(0, 3))
    if depth == 0:
        del plan.drafts["intermediate"]
    for number in range(2, depth + 1):
        plan.drafts["intermediate"].path_length = None
        usages = frozenset({"key_cert_sign"})
        below = Draft(cn(f"I{number}"), key(number + 4), NOW + 2000 * DAY, True, usages=usages)
        plan.drafts[f"intermediate {number}"] = below
    plan.drafts["server"] = server
    changes = draw(st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(sorted(plan.drafts))), max_size=4))
    for change, role in changes:
        change(plan, role)
        plan.changes.append(f"{role}: {change.__name__}")
    try:
        plan.certificates()
    except (PyAsn1Error, AssertionError, ValueError):
        # a name that the type of text cannot hold, a respelling without an RSA key, an end before the beginning
        reject()
    return plan
