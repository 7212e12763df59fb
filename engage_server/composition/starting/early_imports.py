"""What an instance imports before it forks its workers."""

from importlib import import_module

# By their names: an import that nobody uses is one that a tool removes.
_LATER_FOR_DEVICES = (
    "engage_server.services.call_in.dispatch",
    "engage_server.services.call_in.from_files",
    "engage_server.services.call_in.from_shared",
    "engage_server.services.call_in.from_upstream",
    "engage_server.services.shared_files.place",
)
_LATER_FOR_OPERATORS = (
    "engage_server.composition.keys.watch",
    "engage_server.composition.operator_side",
    "engage_server.services.call_in.delivering.delivery",
    "engage_server.services.evidence.token_check",
    "engage_server.services.evidence.transfer",
    "engage_server.services.installation.disk_overview",
)


def import_services(*, of_devices: bool) -> None:
    """Import what :class:`.DeviceSide` will need later. Call it before a fork, so that the workers share it.

    Args:
        of_devices: True for an instance that devices call, False for the operators' instance.
    """
    for name in _LATER_FOR_DEVICES if of_devices else _LATER_FOR_OPERATORS:
        import_module(name)
