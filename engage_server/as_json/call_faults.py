"""Why call-ins were not answered."""

from collections.abc import Mapping, Sequence

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import NO_LABEL, DeviceLabel
from engage_server.services.device_files.fault_journal import CallFault


class CallFaultJson(Shape):
    """One reason why call-ins were not answered as they should be."""

    at: Instant
    """When it was last met, to the second."""
    device: str
    """The serial number or address of the device that met it last. Others may have met it, too."""
    name: str | None
    """What people call that device. Null: it has no name."""
    place: str | None
    """Where it is. Null: nobody said."""
    sentence: str
    """The reason."""


def call_faults_json(faults: Sequence[CallFault], labels: Mapping[str, DeviceLabel]) -> list[CallFaultJson]:
    """The reasons, newest last.

    Args:
        faults: The reasons.
        labels: What people call the devices, by serial number or address.
    """
    return [_fault_json(each, labels.get(each.device, NO_LABEL)) for each in faults]


def _fault_json(fault: CallFault, label: DeviceLabel) -> CallFaultJson:
    return {
        "at": fault.at.isoformat(),
        "device": fault.device,
        "name": label.name or None,
        "place": label.place or None,
        "sentence": fault.sentence,
    }
