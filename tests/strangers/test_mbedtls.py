"""A second client, on mbed TLS, agrees with the virtual lock on the corpus; each disagreement is explained."""

import pytest
from cryptography import x509

from engage_server.lock.firmware import Firmware, TlsVersion
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.tls import secure_connection
from tests.support.defects import DEFECTS, right_plan
from tests.support.hosts import serving, tls_context
from tests.support.lengths import spread
from tests.support.mbedtls_client import accepts, is_installed
from tests.support.served import HOST, NOT_SERVED, parts_of

pytestmark = pytest.mark.skipif(not is_installed(), reason="python-mbedtls has no wheel for this machine")

LIMITS = DeviceLimits(seconds=5)
_TLS_1_2 = Firmware(newest_tls=TlsVersion.TLS_1_2)

_OWN_LIMIT = "4096 bytes and RSA-2048 are ENGAGE devices' limits, not mbed TLS'"
_NAMES_DO = "mbed TLS goes by names and signatures, not by key identifiers: a device built on it would accept the chain"

_NO_DATES = "wolfSSL and GnuTLS refuse what expired and is sent along; mbed TLS takes the one that was renewed"
_NO_CONSTRAINTS = "mbed TLS does not look at name constraints that are not critical"

ACCEPTED_BY_MBEDTLS_ALONE = {
    "netscape_type_of_a_client": "mbed TLS does not look at Netscape's type; of five clients OpenSSL alone does",
    "wrong_authority_identifier": _NAMES_DO,
    "wrong_authority_identifier_above": _NAMES_DO,
    "link_certificate_without_identifier": _NAMES_DO,
    "below_a_link_certificate_without_identifier": _NAMES_DO,
    "intermediate_for_clients": "mbed TLS reads the extended key usage of the server certificate alone",
    "intermediate_given": "mbed TLS takes any trusted certificate as the end of the path: --partial-chain",
    "server_key_of_3072_bits": _OWN_LIMIT,
    "root_key_of_4096_bits": _OWN_LIMIT,
    "elliptic_curve_server": _OWN_LIMIT,
    "exactly_4097": _OWN_LIMIT,
    "revocation_and_policies": _OWN_LIMIT,
    "sent_so_often_that_it_is_too_long": _OWN_LIMIT,
    "issuer_of_another_serial_number": _NAMES_DO,
    "issuer_of_another_issuer": _NAMES_DO,
    "renewed_and_the_old_one_sent_first": _NO_DATES,
    "renewed_and_the_old_one_sent_last": _NO_DATES,
    "name_not_permitted": _NO_CONSTRAINTS,
    "name_excluded": _NO_CONSTRAINTS,
    "address_not_permitted": _NO_CONSTRAINTS,
    "address_excluded": _NO_CONSTRAINTS,
    "directory_name_not_permitted": _NO_CONSTRAINTS,
    "mailbox_excluded": _NO_CONSTRAINTS,
    "uri_not_permitted": _NO_CONSTRAINTS,
}

ACCEPTED_BY_THE_LOCK_ALONE = {
    "netscape_type_without_a_bit": "mbed TLS reads the type strictly, and the chain check says so",
    "server_may_not_sign": "mbed TLS wants digitalSignature for the key exchange with ECDHE; the chain check says so",
}


def _lock_accepts(port: int, trusted: x509.Certificate) -> bool:
    try:
        with secure_connection(HOST, port, trusted, LIMITS, _TLS_1_2):
            return True
    except DeviceRefusal:
        return False


@pytest.mark.parametrize("name", spread(sorted(set(DEFECTS) - set(NOT_SERVED)), every=4, all=2))
def test_the_corpus(name: str) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    sent, key, trusted = parts_of(plan)
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        ours, theirs = _lock_accepts(host.port, trusted), accepts(host.port, HOST, trusted)
    assert (theirs and not ours) is (name in ACCEPTED_BY_MBEDTLS_ALONE), (ours, theirs)
    assert (ours and not theirs) is (name in ACCEPTED_BY_THE_LOCK_ALONE), (ours, theirs)


def test_both_verdicts_occur() -> None:
    sent, key, trusted = parts_of(right_plan())
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        assert accepts(host.port, HOST, trusted)
        assert not accepts(host.port, "other.example.org", trusted)
        assert not accepts(host.port, HOST, sent[0])
