"""Rules on endpoints: https, apart from each other, and named by their certificates."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.checks.finding import Finding
from engage_server.errors import EngageError
from engage_server.links.telekom.exchange.case import Case, label
from engage_server.links.telekom.exchange.codes import finding
from engage_server.links.telekom.exchange.sheet import ITEMS
from engage_server.pki.extensions import extension
from engage_server.records import Host

_HTTPS_PORT = 443
_OURS = (("56", "78"), "has the same host and port as")
_THEIRS = (("EF", "GH"), "is the same URL as")
_CALLED = (("2", "56"), ("4", "78"), ("A", "EF"), ("C", "GH"))  # a TLS server certificate, and the URLs of its server


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL, taken apart."""

    host: Host
    port: int
    path: str


def endpoint_of(url: str) -> Endpoint | None:
    """Take a URL apart; None if it is not one that can be called: https, a host, no user and no fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
        if (
            parts.scheme != "https"
            or port == 0
            or "@" in parts.netloc
            or parts.fragment
            or not url.isprintable()
            or " " in url
        ):
            return None
        return Endpoint(Host.parse(parts.hostname or ""), _HTTPS_PORT if port is None else port, parts.path)
    except (ValueError, EngageError):
        return None


def urls_can_be_called(case: Case) -> Iterator[Finding]:
    """URLs are https. Yours have a name, and in PE port 443."""
    for found in case.found.urls:
        sign, about, endpoint = found.sign, label(found.sign, found.source), endpoint_of(found.url)
        if endpoint is None:
            yield finding("url_invalid", "it is not a URL such as https://m2m.sample.org/path", about)
            continue
        if sign in "78" and endpoint.port != _HTTPS_PORT:
            yield finding("port", f"it uses port {endpoint.port}; Telekom strongly recommends {_HTTPS_PORT}", about)
        if sign in "5678" and endpoint.host.is_address:
            yield finding("address", f"{endpoint.host.text} is an address; Telekom recommends a DNS name", about)


def environments_are_apart(case: Case) -> Iterator[Finding]:
    """No endpoint of TA has host and port of one of PE. Telekom's own may share a host, but no URL."""
    for (test, production), words in (_OURS, _THEIRS):
        for one in test:
            for other in production:
                first, second = _endpoint(case, one), _endpoint(case, other)
                if first is None or second is None:
                    continue
                same = (first.host, first.port) == (second.host, second.port)
                if same and (one in "56" or first.path == second.path):
                    sentence = f"{ITEMS[one].what} {words} {ITEMS[other].what}: {first.host.in_url}:{first.port}"
                    yield finding("endpoint_in_both_environments", sentence, f"{one} and {other}")


def certificates_name_their_hosts(case: Case) -> Iterator[Finding]:
    """A TLS server certificate names the host of its URLs, or of organisation.toml, and does so where clients look."""
    for sign, urls in _CALLED:
        for each in case.current(sign):
            about = label(sign, each.source)
            names = extension(each.certificate, x509.SubjectAlternativeName)
            if names is None and sign in "24":
                yield finding("no_alternative_name", "it has no subject alternative name", about)
            for host in dict.fromkeys(_hosts(case, urls)):
                if not is_named(host, each.certificate):
                    yield finding("host_not_named", f"it does not name {host.text}, which is called", about)


def hosts_serve_what_the_sheet_says(case: Case) -> Iterator[Finding]:
    """A host of ``links.toml`` presents the certificate of its environment's item."""
    for served in case.found.served:
        for each in case.current(served.sign):
            if each.certificate != served.certificate:
                sentence = f"{served.source} presents another certificate"
                yield finding("other_certificate_served", sentence, label(each.sign, each.source))


def is_named(host: Host, certificate: x509.Certificate) -> bool:
    """Whether a certificate names a host: in its alternative names, or, if it has none, in its common name."""
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(str(each.value).lower() == host.text for each in common)
    if host.is_address:
        return host.text in [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    wanted = {host.text, f"*.{host.text.partition('.')[2]}"}
    return any(each.lower().removesuffix(".") in wanted for each in names.get_values_for_type(x509.DNSName))


def _hosts(case: Case, urls: str) -> Iterator[Host]:
    for sign in urls:
        endpoint = _endpoint(case, sign)
        if endpoint is not None:
            yield endpoint.host
    if urls in ("56", "78") and case.organisation is not None and not any(_endpoint(case, sign) for sign in urls):
        environment = ITEMS[urls[0]].environment
        if environment is not None:
            yield case.organisation.host(environment)


def _endpoint(case: Case, sign: str) -> Endpoint | None:
    found = case.url(sign)
    return None if found is None else endpoint_of(found.url)
