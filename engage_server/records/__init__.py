"""The values that travel between the packages: frozen, comparable, and silent about secrets."""

from engage_server.records.audit import AuditAction, AuditEvent
from engage_server.records.device import Device
from engage_server.records.host import Host
from engage_server.records.release import Release, ReleaseState
from engage_server.records.secret import Secret
from engage_server.records.sighting import Sighting, SightingKind
from engage_server.records.site import AnchorRole, IPNetwork, Site

__all__ = [
    "AnchorRole",
    "AuditAction",
    "AuditEvent",
    "Device",
    "Host",
    "IPNetwork",
    "Release",
    "ReleaseState",
    "Secret",
    "Sighting",
    "SightingKind",
    "Site",
]
