"""Why call-ins were not answered."""

from collections.abc import Sequence

from engage_server.as_json.formats import Instant, Shape
from engage_server.services.device_files.fault_journal import CallFault


class CallFaultJson(Shape):
    """One reason why call-ins were not answered as they should be."""

    at: Instant
    """When it was last met, to the second."""
    device: str
    """The serial number or address of the device that met it last. Others may have met it, too."""
    sentence: str
    """The reason."""


def call_faults_json(faults: Sequence[CallFault]) -> list[CallFaultJson]:
    """The reasons, newest last."""
    return [{"at": each.at.isoformat(), "device": each.device, "sentence": each.sentence} for each in faults]
