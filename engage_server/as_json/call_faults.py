"""Why call-ins were not answered."""

from collections.abc import Sequence

from engage_server.services.device_files.fault_journal import CallFault


def call_faults_json(faults: Sequence[CallFault]) -> list[dict[str, str]]:
    """The reasons, newest last."""
    return [{"at": each.at.isoformat(), "device": each.device, "sentence": each.sentence} for each in faults]
