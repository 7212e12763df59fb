"""How old this host's copies of shared files are, as metrics."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from engage_server.records import CallIn, CallInWay


def copy_figures(call_ins: Mapping[str, CallIn], behind: Mapping[str, datetime], now: datetime) -> Iterator[Metric]:
    """Return the metric of each site that shares its files.

    Args:
        call_ins: How sites answer.
        behind: Since when the copy of a site lacks a change.
        now: The time.
    """
    age = GaugeMetricFamily(
        "engage_shared_copy_behind_seconds",
        "How long this host's copy of shared files has lacked a change. 0: it has all.",
        labels=["site"],
    )
    for site, call_in in call_ins.items():
        if call_in.way is CallInWay.SHARED:
            age.add_metric([site], max(0.0, (now - behind.get(site, now)).total_seconds()))
    yield age
