"""The methods of a store, by capability: a service names the narrowest one that it needs.

Every method is one transaction. A method that changes something also takes the audit event that records it. Every
method raises StoreNotUsable if the database does not answer or reports an error. The contract tests in
``tests/unit/store`` check every implementation against this.
"""

from typing import Protocol

from engage_server.store.interface.access import AttemptStore, PeopleStore, RequestStore, TokenStore
from engage_server.store.interface.alerts import AlertStore, OutboxStore, RecipientStore
from engage_server.store.interface.audit import AuditStore
from engage_server.store.interface.backups import BackupStore
from engage_server.store.interface.evidence import EvidenceStore
from engage_server.store.interface.keys import KeyStore, WrappingKey
from engage_server.store.interface.links import Folded, IngressTables, KpnStore, PathFold, PathStore, SimPoll
from engage_server.store.interface.pages import MOST_IN_A_PAGE, KnownDevice, PageStore, SilentOrder
from engage_server.store.interface.releases import ReleaseStore
from engage_server.store.interface.rotations import RotationStore
from engage_server.store.interface.shared_files import SharedFileStore
from engage_server.store.interface.sites import SiteStore
from engage_server.store.interface.values import (
    AnchorClue,
    DeviceFilter,
    Fold,
    ListChange,
    MetReleases,
    Place,
    ReleaseDraft,
    RiskFilter,
    SpoolPart,
    TroubleFilter,
)
from engage_server.store.interface.workers import WorkerStore

__all__ = [
    "MOST_IN_A_PAGE",
    "AlertStore",
    "AnchorClue",
    "AttemptStore",
    "AuditStore",
    "BackupStore",
    "DeviceFilter",
    "EvidenceStore",
    "Fold",
    "Folded",
    "IngressTables",
    "KeyStore",
    "KnownDevice",
    "KpnStore",
    "ListChange",
    "MetReleases",
    "OutboxStore",
    "PageStore",
    "PathFold",
    "PathStore",
    "PeopleStore",
    "Place",
    "RecipientStore",
    "ReleaseDraft",
    "ReleaseStore",
    "RequestStore",
    "RiskFilter",
    "RotationStore",
    "SharedFileStore",
    "SilentOrder",
    "SimPoll",
    "SiteStore",
    "SpoolPart",
    "Store",
    "TokenStore",
    "TroubleFilter",
    "WorkerStore",
    "WrappingKey",
]


class Store(
    SiteStore,
    ReleaseStore,
    RotationStore,
    EvidenceStore,
    PathStore,
    KpnStore,
    AuditStore,
    PageStore,
    WorkerStore,
    PeopleStore,
    AttemptStore,
    TokenStore,
    RequestStore,
    AlertStore,
    BackupStore,
    KeyStore,
    SharedFileStore,
    Protocol,
):
    """All capabilities together, for code that builds the services."""
