"""Puts together what the policy of a site follows from: the site, the settings, and when its doors called. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from engage_server.links.policy.call_window import call_window
from engage_server.links.policy.needs import Asked
from engage_server.records import IPNetwork, Site
from engage_server.records.address import IPAddress
from engage_server.records.site import zone_of
from engage_server.settings import Settings

RECENT_DOORS: Final = 10_000  # enough to measure when they call


def asked_of(
    site: Site,
    settings: Settings,
    calls: Iterable[datetime],
    resolvers: Sequence[IPNetwork],
    addresses: Mapping[str, Sequence[IPAddress]],
) -> Asked:
    """Return what :func:`~.needs.policy_of` takes.

    Args:
        site: The site.
        settings: The settings. Their ports are those that doors see.
        calls: When each of its doors last called.
        resolvers: Whom doors ask for names.
        addresses: Of hosts that are names, where they were looked up.
    """
    return Asked(
        site=site.name,
        hosts=site.hosts,
        plain_port=settings.cert_url_port,
        tls_port=settings.called_https_port,
        window=call_window(calls, zone_of(site), site.time_zone),
        resolvers=resolvers,
        addresses=addresses,
    )
