"""The metrics of the outbox of alerts. It is one outbox for all hosts, so each of them shows the same."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from engage_server.records import OutboxFigures, OutboxState

_WAITING = (OutboxState.WAITING, OutboxState.CLAIMED, OutboxState.HANDED_OVER)


def alert_figures(figures: OutboxFigures | None) -> Iterator[Metric]:
    """The metrics. None before the database has answered.

    Args:
        figures: How the outbox stands. None: not known.
    """
    if figures is None:
        return
    waiting = sum(figures.counts.get(each, 0) for each in _WAITING)
    yield GaugeMetricFamily("engage_alerts_waiting", "Alerts that are not sent yet.", value=waiting)
    yield GaugeMetricFamily(
        "engage_alerts_oldest_waiting_seconds",
        "How long the oldest of them has waited.",
        value=figures.oldest_seconds or 0.0,
    )
    for state, what in (
        (OutboxState.GIVEN_UP, "Alerts of the last 90 days that were given up."),
        (OutboxState.UNSURE, "Alerts of the last 90 days that may not have arrived."),
    ):
        yield GaugeMetricFamily(f"engage_alerts_{state.value}", what, value=figures.counts.get(state, 0))
