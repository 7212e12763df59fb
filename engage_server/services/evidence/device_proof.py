"""Tokens that prove a device's identity, and what they change in its history. Pure."""

from datetime import timedelta

from engage_server.records import DeviceHistory, Sighting
from engage_server.records.history import changed
from engage_server.services.evidence.usual_address import settled

_ONE_VISIT = timedelta(minutes=10)  # within this time a device may show one token several times, from one address


def with_token(known: DeviceHistory, sighting: Sighting) -> tuple[DeviceHistory, bool]:
    """The history after the token of this sighting, and whether the token proves the device's identity.

    A token that is older than the last one, or the same on another visit, is a replay. The sighting then counts as one
    without a token. By plain HTTP anyone on the way can read a token, so it proves nothing and is used up.
    """
    if not sighting.authenticated:
        return known, False
    if sighting.listener != "https":
        return changed(known, token_time=max(known.token_time, sighting.token_time + 1)), False
    if sighting.token_time < known.token_time:
        return known, False
    if sighting.token_time == known.token_time and not _is_same_visit(known, sighting):
        return known, False
    return changed(settled(known, sighting.address, sighting.at), token_time=sighting.token_time), True


def _is_same_visit(known: DeviceHistory, sighting: Sighting) -> bool:
    if known.home != sighting.address or known.home_seen_at is None:
        return False
    return abs(sighting.at - known.home_seen_at) <= _ONE_VISIT
