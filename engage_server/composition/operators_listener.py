"""What the settings say about the operators' listener: how it is called, and whether strangers could reach it."""

from engage_server.errors import SettingsInvalid
from engage_server.records import Host, read_address
from engage_server.settings import SITES_OWN, Settings


def has_tls(settings: Settings) -> bool:
    """Whether the listener does TLS itself."""
    return settings.operators_tls_certificate is not None


def has_tls_of_site(settings: Settings) -> bool:
    """Whether the listener has the certificate of the current release."""
    return settings.operators_tls_certificate == SITES_OWN


def is_secure(settings: Settings) -> bool:
    """Whether a browser uses HTTPS, be it to a proxy."""
    return has_tls(settings) or settings.operators_behind_proxy


def is_reached_from_elsewhere(settings: Settings) -> bool:
    """Whether others than the users of this machine can reach the listener."""
    return settings.operators_behind_proxy or not Host(settings.operators_bind).is_this_machine


def assert_protected(settings: Settings) -> None:
    """Refuse to listen where others could read along.

    Raises:
        SettingsInvalid: The listener would be reached from elsewhere without TLS, or the settings contradict each
            other.
    """
    if settings.operators_tls_key is not None and (not has_tls(settings) or has_tls_of_site(settings)):
        raise SettingsInvalid(
            "operators_tls_key is set, but operators_tls_certificate names no file that it belongs to",
            "Set operators_tls_certificate to a PEM file. Or leave operators_tls_key out.",
        )
    if has_tls(settings) and not has_tls_of_site(settings) and settings.operators_tls_key is None:
        raise SettingsInvalid(
            f"operators_tls_certificate is {settings.operators_tls_certificate}, but operators_tls_key is not set",
            "Set operators_tls_key to the PEM file of its private key.",
        )
    if is_secure(settings) or Host(settings.operators_bind).is_this_machine:
        return
    raise SettingsInvalid(
        f"operators_bind is {settings.operators_bind}, which other machines reach, and the listener has no TLS",
        'Set operators_tls_certificate and operators_tls_key, or operators_tls_certificate = "site". Or set '
        "operators_behind_proxy = true, if a proxy in front of it speaks HTTPS. Or leave operators_bind at 127.0.0.1.",
    )


def own_hosts(settings: Settings) -> list[Host]:
    """Return the listed hosts, first the one by which the listener is most likely called."""
    bound = read_address(settings.operators_bind)
    own = None if bound is None else str(bound)
    return sorted(settings.operators_hosts, key=lambda host: _rank(settings, host, own))


def address(settings: Settings) -> str:
    """Return the URL by which operators call it, without a path. For a proxy, its port is taken to be 443."""
    host = own_hosts(settings)[0].in_url
    if settings.operators_behind_proxy and not has_tls(settings):
        return f"https://{host}"
    return f"{'https' if has_tls(settings) else 'http'}://{host}:{settings.operators_port}"


def _rank(settings: Settings, host: Host, bound: str | None) -> int:
    if host.text == bound:
        return 0
    return 1 if host.is_this_machine is not is_reached_from_elsewhere(settings) else 2
