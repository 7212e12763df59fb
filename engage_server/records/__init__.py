"""The values that packages pass to each other: frozen, comparable, and without secrets in their text."""

from engage_server.records.access import (
    AccessToken,
    Actor,
    ActorKind,
    Grant,
    Person,
    PersonState,
    Role,
    SignIn,
)
from engage_server.records.address import IPNetwork, folded, read_address, read_network
from engage_server.records.adoption import SILENCES, Adoption, Crowd, Doubt, SuspectDevice
from engage_server.records.alert import (
    AlertKind,
    AlertMark,
    AlertMessage,
    ChannelKind,
    OutboxEntry,
    OutboxFigures,
    OutboxState,
    Recipient,
)
from engage_server.records.audit import (
    CHANGES_OF_SITE,
    ActTerms,
    AuditAction,
    AuditEntry,
    AuditEvent,
    AuditFilter,
    AuditHead,
    AuditVerdict,
    KeyedRequest,
)
from engage_server.records.backup import BackupRun, BackupStep
from engage_server.records.call_in import CallIn, CallInWay, UnknownDevices, Upstream
from engage_server.records.device import Device, StaticCertificate
from engage_server.records.history import DeviceHistory, Grade, ReleaseHistory
from engage_server.records.host import Host
from engage_server.records.keys import AcceptedKey, KeyHolder, KeyRotation, SealedValues
from engage_server.records.kpn import Downlink, DownlinkChannel, DownlinkStatus, KpnDevice, SimType
from engage_server.records.label import (
    LONGEST_NAME,
    LONGEST_PLACE,
    NO_LABEL,
    DeviceLabel,
    NamedDevice,
    door_title,
    read_label,
    searched_words,
    words_of,
)
from engage_server.records.link_standing import LinkCut, LinkStanding, PathMark
from engage_server.records.occasion import LONGEST_REASON, BootClock, Occasion, read_reason
from engage_server.records.page import Page, every_item
from engage_server.records.path_cut import NIGHT_AFTER_CUT, CutPath, PathCut, night_of
from engage_server.records.path_event import LINK_REGISTERED, LINK_REMOVED, PathEvent, PathSays, StoredPathEvent
from engage_server.records.release import Release, ReleaseState
from engage_server.records.rotation import Approval, GatePolicy, Limit, Rotation, RotationState, RotationWay
from engage_server.records.secret import Secret
from engage_server.records.sighting import VIRTUAL_LOCK, Sighting, SightingKind
from engage_server.records.site import AnchorRole, RequiredEvidence, Site
from engage_server.records.trouble import AGAIN_AND_AGAIN, RECENT_TROUBLE
from engage_server.records.worker import LIVE_WITHIN, HostSpool, WorkerStatus

__all__ = [
    "AGAIN_AND_AGAIN",
    "CHANGES_OF_SITE",
    "LINK_REGISTERED",
    "LINK_REMOVED",
    "LIVE_WITHIN",
    "LONGEST_NAME",
    "LONGEST_PLACE",
    "LONGEST_REASON",
    "NIGHT_AFTER_CUT",
    "NO_LABEL",
    "RECENT_TROUBLE",
    "SILENCES",
    "VIRTUAL_LOCK",
    "AcceptedKey",
    "AccessToken",
    "ActTerms",
    "Actor",
    "ActorKind",
    "Adoption",
    "AlertKind",
    "AlertMark",
    "AlertMessage",
    "AnchorRole",
    "Approval",
    "AuditAction",
    "AuditEntry",
    "AuditEvent",
    "AuditFilter",
    "AuditHead",
    "AuditVerdict",
    "BackupRun",
    "BackupStep",
    "BootClock",
    "CallIn",
    "CallInWay",
    "ChannelKind",
    "Crowd",
    "CutPath",
    "Device",
    "DeviceHistory",
    "DeviceLabel",
    "Doubt",
    "Downlink",
    "DownlinkChannel",
    "DownlinkStatus",
    "GatePolicy",
    "Grade",
    "Grant",
    "Host",
    "HostSpool",
    "IPNetwork",
    "KeyHolder",
    "KeyRotation",
    "KeyedRequest",
    "KpnDevice",
    "Limit",
    "LinkCut",
    "LinkStanding",
    "NamedDevice",
    "Occasion",
    "OutboxEntry",
    "OutboxFigures",
    "OutboxState",
    "Page",
    "PathCut",
    "PathEvent",
    "PathMark",
    "PathSays",
    "Person",
    "PersonState",
    "Recipient",
    "Release",
    "ReleaseHistory",
    "ReleaseState",
    "RequiredEvidence",
    "Role",
    "Rotation",
    "RotationState",
    "RotationWay",
    "SealedValues",
    "Secret",
    "Sighting",
    "SightingKind",
    "SignIn",
    "SimType",
    "Site",
    "StaticCertificate",
    "StoredPathEvent",
    "SuspectDevice",
    "UnknownDevices",
    "Upstream",
    "WorkerStatus",
    "door_title",
    "every_item",
    "folded",
    "night_of",
    "read_address",
    "read_label",
    "read_network",
    "read_reason",
    "searched_words",
    "words_of",
]
