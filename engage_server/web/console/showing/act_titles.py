"""Names the kinds of entries of the audit log for people who choose one: by thing, and in the order of the words."""

from collections.abc import Mapping

from engage_server.records import AuditAction

_KINDS: Mapping[str, Mapping[AuditAction, str]] = {
    "Alerts": {
        AuditAction.ALERT_MAIL_SENT: "Morning mail sent by hand",
        AuditAction.ALERT_RECIPIENT_ADDED: "Recipient added",
        AuditAction.ALERT_RECIPIENT_REMOVED: "Recipient removed",
        AuditAction.ALERT_RECIPIENT_TESTED: "Test alert sent",
    },
    "Backups": {
        AuditAction.BACKUP_CREATED: "Backup made",
        AuditAction.BACKUP_RESTORED: "Backup restored",
        AuditAction.STORE_COPIED: "Database copied",
    },
    "Doors": {
        AuditAction.DEVICE_ADDED: "Door put on the list",
        AuditAction.DEVICE_FORGOTTEN: "Door's history deleted",
        AuditAction.DEVICE_NAMED: "Door named or placed",
        AuditAction.DEVICE_REMOVED: "Door removed from the list",
        AuditAction.DEVICES_IMPORTED: "Door's files imported",
    },
    "Installation": {
        AuditAction.AUDIT_CHAINED: "Audit log protected by hashes",
        AuditAction.HOST_FORGOTTEN: "Host removed",
        AuditAction.INSTALLATION_CREATED: "Installation created",
        AuditAction.INSTALLATION_KEY_MADE: "Installation key made",
        AuditAction.INSTALLATION_MIGRATED: "Database upgraded",
        AuditAction.RELEASE_KEY_EXPORTED: "Release key exported",
    },
    "KPN Things": {
        AuditAction.DOWNLINK_CANCELLED: "Message to a device cancelled",
        AuditAction.DOWNLINK_QUEUED: "Message to a device queued",
        AuditAction.KPN_DEVICE_ADDED: "Device added",
        AuditAction.KPN_DEVICE_REMOVED: "Device removed",
    },
    "Keys": {
        AuditAction.KEY_ROTATION_ABORTED: "Change of the key-encryption key given up",
        AuditAction.KEY_ROTATION_BEGUN: "Change of the key-encryption key begun",
        AuditAction.KEY_ROTATION_ENDED: "Key-encryption key changed",
    },
    "People and tokens": {
        AuditAction.PASSWORD_SET: "Password set",
        AuditAction.PERSON_ADDED: "Person added",
        AuditAction.PERSON_CHANGED: "Person's role or sign-in changed",
        AuditAction.PERSON_LOCKED: "Person locked",
        AuditAction.PERSON_REMOVED: "Person removed",
        AuditAction.PERSON_RESET: "Password taken, and a new link made",
        AuditAction.SIGNED_IN: "Signed in",
        AuditAction.TOKEN_ADDED: "Token made",
        AuditAction.TOKEN_REVOKED: "Token revoked",
    },
    "Releases": {
        AuditAction.RELEASE_ACTIVATED: "Release activated",
        AuditAction.RELEASE_DROPPED: "Release dropped",
        AuditAction.RELEASE_RETIRED: "Release retired",
        AuditAction.RELEASE_ROLLED_BACK: "Went back to an earlier release",
        AuditAction.RELEASE_STAGED: "Release staged",
    },
    "Rotations": {
        AuditAction.ROTATION_ADVANCED: "Rotation went on",
        AuditAction.ROTATION_APPROVED: "Step approved",
        AuditAction.ROTATION_APPROVED_ALONE: "Step approved without a second person",
        AuditAction.ROTATION_ENDED: "Rotation ended",
        AuditAction.ROTATION_HELD: "Rotation paused",
        AuditAction.ROTATION_STARTED: "Rotation started",
    },
    "SIMs": {
        AuditAction.SIM_STATE_ORDERED: "State ordered",
        AuditAction.SIM_RETIREMENT_ORDERED: "Retirement ordered",
        AuditAction.SIM_CHANGE_ORDERED: "Tags, services or address ordered",
        AuditAction.SIM_BULK_RESUMED: "Bulk resumed",
        AuditAction.SIM_BULK_DROPPED: "Bulk dropped",
        AuditAction.SIM_MESSAGE_ORDERED: "SMS ordered",
        AuditAction.SIM_NETWORK_CHANGE_ORDERED: "Rule, NAT, tunnel or route ordered",
        AuditAction.SIM_USER_ORDERED: "User of an account ordered",
        AuditAction.SIM_ORDER_ENDED: "What came of an order",
    },
    "Sites": {
        AuditAction.SITE_ADDED: "Site added",
        AuditAction.SITE_CHANGED: "Site changed",
        AuditAction.SITE_KEY_EXPORTED: "Site key exported",
        AuditAction.SITE_MADE_DEFAULT: "Default site chosen",
        AuditAction.SITE_REMOVED: "Site removed",
        AuditAction.SITE_RENAMED: "Site renamed",
        AuditAction.VENDOR_IMPORTED: "Vendor's certificates taken over",
    },
    "Uploads": {
        AuditAction.UPLOAD_DISCARDED: "Rejected upload discarded",
        AuditAction.UPLOADS_TRIED_AGAIN: "Rejected uploads tried again",
    },
    "Other": {AuditAction.UNKNOWN: "Written by a newer version"},
}


def act_titles() -> list[tuple[str, list[tuple[AuditAction, str]]]]:
    """The groups, and what each of them has: the kind of entry and its title, sorted by the titles."""
    return [(group, sorted(kinds.items(), key=lambda each: each[1].casefold())) for group, kinds in _KINDS.items()]
