"""Measurements as resolved SenML records (RFC 8428 section 4.6), for ``--json``."""

import base64
from typing import Any

from engage_server.links.kpn.senml.reading import Measurement

_LABELS: dict[type, str] = {bool: "vb", int: "v", float: "v", str: "vs", bytes: "vd"}


def resolved_record(measurement: Measurement) -> dict[str, Any]:
    """Return a record that depends on no other."""
    record: dict[str, Any] = {"n": measurement.name}
    if measurement.unit:
        record["u"] = measurement.unit
    value = measurement.value
    if value is not None:
        shown = base64.urlsafe_b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value
        record[_LABELS[type(value)]] = shown
    if measurement.sum is not None:
        record["s"] = measurement.sum
    record["t"] = measurement.time
    if measurement.update_time is not None:
        record["ut"] = measurement.update_time
    return record


def shown_value(measurement: Measurement) -> str:
    """Return the value with its unit, for people."""
    value = measurement.value if measurement.value is not None else f"sum {measurement.sum}"
    shown = value.hex() if isinstance(value, bytes) else str(value)
    return f"{shown} {measurement.unit}" if measurement.unit else shown
