"""Laws that hold for every input."""

import base64
import json
from datetime import timedelta
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engage_server.errors import EngageError, HostInvalid, SiteKeyInvalid
from engage_server.pki import byte_budget, encodings
from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.pki.issuing.profiles import BACKDATE, Lifetimes
from engage_server.pki.paths.path import arrange
from engage_server.protocol.notice import cert_url, notice_bytes
from engage_server.protocol.serial_number import decode_serial, encode_serial, serial_from_query
from engage_server.protocol.site_key import read_site_key
from engage_server.records import Host, Secret
from engage_server.services.distribution.site_choice import choose_site, host_of_header
from engage_server.store.sealing import Sealer
from tests.support.chains import NOW, SITE_KEY
from tests.support.lengths import examples
from tests.support.strategies import hosts

serials = st.binary(min_size=16, max_size=16).map(lambda raw: raw.hex().upper())


@given(serials)
def test_serial_numbers_survive_their_journey(serial: str) -> None:
    """Every spelling that a device may send is read back as the number that was sent."""
    encoded = encode_serial(serial)
    urlsafe = encoded.replace("+", "-").replace("/", "_")
    for sent in (encoded, quote(encoded, safe=""), urlsafe, urlsafe.rstrip("="), encoded.replace("+", " "), serial):
        assert serial_from_query(f"v=2&serialNumber={sent}&hashType=primary") == serial
    assert decode_serial(encoded) == serial


@given(st.text())
@example("serialNumber=%")
def test_no_query_raises(query: str) -> None:
    """Whatever a device sends, reading it ends in a serial number or none."""
    found = serial_from_query(query)
    assert found is None or len(found) == 32


@given(st.text(), st.text())
def test_no_header_raises(header: str, query: str) -> None:
    """Whatever stands in the Host header, some site answers if there is one."""
    assert isinstance(host_of_header(header), str)
    assert choose_site(header, query, {}, {"0" * 32: "b"}, "a") in {"a", "b"}


@given(hosts)
def test_a_host_is_found_by_its_own_header(host: Host) -> None:
    """What a device must send in the Host header for a site's host is read back as that host."""
    for header in (host.in_url, f"{host.in_url}:80", host.in_url.upper()):
        assert host_of_header(header) == host.text


@given(st.text(max_size=300))
def test_hosts_parse_to_themselves_or_not_at_all(text: str) -> None:
    """Parsing is idempotent, and says no in one way."""
    try:
        host = Host.parse(text)
    except HostInvalid:
        return
    assert Host.parse(host.text) == host
    assert host.text.isascii()


@given(st.binary(min_size=32, max_size=32))
def test_keys_read_back(raw: bytes) -> None:
    """Both spellings of a key give its bytes."""
    for text in (raw.hex().encode(), base64.b64encode(raw)):
        assert read_site_key(text, allow_samples=True).reveal() == raw


@given(st.binary(max_size=200))
def test_no_text_is_half_a_key(text: bytes) -> None:
    """A text is a whole key or a clear error."""
    try:
        key = read_site_key(text)
    except SiteKeyInvalid:
        return
    assert len(key.reveal()) == 32


@given(hosts, st.integers(1, 65535), st.binary(max_size=50))
def test_the_notice_is_json_with_a_url_that_devices_read(host: Host, port: int, der: bytes) -> None:
    """cert_url is plain, short and parses; the notice holds both texts in order."""
    url = cert_url(host, port, der)
    assert len(url) <= 256
    assert url.startswith("http://")
    parsed = json.loads(notice_bytes(url, "hash"))
    assert list(parsed) == ["cert_url", "hash"]
    assert parsed["cert_url"] == url


@given(st.binary(min_size=32, max_size=32), st.text(max_size=40))
def test_what_is_sealed_opens(raw: bytes, purpose: str) -> None:
    """Opening gives back what was sealed, and the sealed value does not contain it."""
    sealer = Sealer(SITE_KEY)
    sealed = sealer.seal(Secret(raw), purpose)
    assert raw not in sealed
    assert sealer.open(sealed, purpose) == Secret(raw)


organizations = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["C"]), max_size=64)


@settings(
    max_examples=examples(all=8, quick=4, campaign=25), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(hosts, min_size=1, max_size=12, unique=True),
    organizations,
    st.builds(Lifetimes, *[st.none() | st.integers(8, 20_000)] * 3),
)
def test_every_chain_that_can_be_built_holds_together(
    chain_hosts: list[Host], organization: str, lifetimes: Lifetimes
) -> None:
    """A plan ends in a chain whose order, budget, costs and dates are right, or in a clear error."""
    try:
        built = build_chain(ChainPlan(tuple(chain_hosts), organization, lifetimes), NOW)
    except EngageError:
        return
    chain = built.chain
    assert arrange(reversed(list(chain))) == chain
    budget = byte_budget.measure(chain)
    assert budget.total == sum(len(encodings.der(certificate)) for certificate in chain)
    assert sum(cost.der_bytes for cost in byte_budget.costs(chain)) < budget.total
    begun = NOW - BACKDATE
    assert all(certificate.not_valid_before_utc == begun for certificate in chain)
    ends = [certificate.not_valid_after_utc for certificate in chain]
    assert ends == sorted(ends, reverse=True)
    assert ends[-1] > NOW + timedelta(hours=23)
