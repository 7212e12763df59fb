"""Says in a sentence what an entry of the audit log stands for.

The sentence has no subject: ``activated release 4 of main``. Pages put it after "Done:", lists after the name of who
did it. What is in an entry may have been written by an older version, so a sentence needs no fact to be there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engage_server.records import AuditAction, AuditEvent

_FACT = re.compile(r"{([\w.]+)(?::([\w ]+))?}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_UNKNOWN = "..."
# what an approval recorded of the gate, as VERDICT: WHY
_GATE_SAID = {
    "ask": "the gate had paused",
    "go-on": "the gate would have gone on",
    "roll-back": "the gate would have gone back",
    "wait": "the gate would have waited",
}
_MAY_BE_NONE = ("openid", "release")  # their word for nothing

# {fact}, {before.fact}, and {site}. {fact:device} is a count: "1 device", "2 devices". What stands in [...] is left out
# if one of its facts is missing or empty. Of several forms the first counts whose facts outside of [...] are all there.
WORDS: Mapping[AuditAction, tuple[str, ...]] = {
    AuditAction.INSTALLATION_CREATED: ("created the installation",),
    AuditAction.INSTALLATION_MIGRATED: ("upgraded the database[ from version {from}][ to version {to}]",),
    AuditAction.INSTALLATION_KEY_MADE: (
        "gave the database its installation key[, from version {from}][ to version {to}]"
        "[; the audit log ended with {old_head}][ and ends with {new_head} now]",
    ),
    AuditAction.KEY_ROTATION_BEGUN: ("began to replace the key-encryption key[ {old}][ by {new}]",),
    AuditAction.KEY_ROTATION_ABORTED: ("gave up replacing the key-encryption key[ {old}][ by {new}]",),
    AuditAction.KEY_ROTATION_ENDED: (
        "replaced the key-encryption key[ {old}][ by {new}][, without waiting for {without}]",
    ),
    AuditAction.SITE_ADDED: (
        "added the site {site}[ with the hosts {hosts}][, anchor: {anchor}][, for trials: {trials}]",
    ),
    AuditAction.SITE_CHANGED: ("changed the {changed} of {site}", "changed the site {site}"),
    AuditAction.SITE_RENAMED: (
        "renamed the site[ {before.name}] to {site}[, with the roles of {people:person}][, with {tokens:token}]",
    ),
    AuditAction.SITE_REMOVED: (
        "removed the site {site}[, whose key was {key}][, with the roles of {people:person}][, with {tokens:token}]",
    ),
    AuditAction.SITE_MADE_DEFAULT: ("made {site} the site that answers calls which name no site",),
    AuditAction.SITE_KEY_EXPORTED: ("exported the site key of {site}[ into the file {file}]",),
    AuditAction.RELEASE_KEY_EXPORTED: ("exported the release key[ into the file {file}]",),
    AuditAction.DEVICE_ADDED: (
        "put device {serial} on the list of {site}[, name: {name}][, place: {place}]",
        "put {added:device} on the list of {site}[, and named {named:device}]",
        "put devices on the list of {site}",
    ),
    AuditAction.DEVICE_NAMED: (
        "named device {device} of {site} {name}[, place: {place}]",
        "gave device {device} of {site} the place {place}",
        "took name and place from device {device} of {site}",
        "named {named:device} of {site}",
        "named devices of {site}",
    ),
    AuditAction.DEVICE_FORGOTTEN: ("deleted what was known of device {device}[ at {site}]", "forgot a device"),
    AuditAction.DEVICE_REMOVED: ("removed device {device}[ from {site}]", "removed a device[ from {site}]"),
    AuditAction.DEVICES_IMPORTED: (
        "gave device {device} of {site} its file {files}",
        "imported {files:file} of {devices:device} at {site}",
        "imported devices at {site}",
    ),
    AuditAction.UPLOADS_TRIED_AGAIN: (
        "put the refused upload {upload} of {site} among those that wait",
        "put {uploads:refused upload} of {site} among those that wait",
        "put refused uploads among those that wait",
    ),
    AuditAction.UPLOAD_DISCARDED: ("discarded the refused upload {upload} of {site}", "discarded a refused upload"),
    AuditAction.VENDOR_IMPORTED: ("took over the vendor's certificates[ {certificates}] for {site}",),
    AuditAction.RELEASE_STAGED: (
        "staged release {release} of {site}[; findings: {findings}]",
        "staged a release of {site}",
    ),
    AuditAction.RELEASE_DROPPED: (
        "dropped release {release} of {site}, which was never served[; its private key was {key}]",
        "dropped a release of {site}",
    ),
    AuditAction.RELEASE_ACTIVATED: (
        "activated release {release} of {site}[ in place of release {before.release}]",
        "activated a release of {site}",
    ),
    AuditAction.RELEASE_ROLLED_BACK: (
        "went back to release {release} of {site}[ from release {before.release}]",
        "went back to an earlier release of {site}",
    ),
    AuditAction.RELEASE_RETIRED: (
        "retired release {release} of {site}[; its private key was {key}]",
        "retired a release of {site}",
    ),
    AuditAction.ROTATION_STARTED: (
        "started rotation {rotation} of {site}[ by the way {way}]",
        "started a rotation of {site}[ by the way {way}]",
    ),
    AuditAction.ROTATION_ADVANCED: (
        "moved the rotation of {site} on to release {release}[ from release {before.release}][: {gate}]",
        "staged the releases {staged} for the rotation of {site}",
        "let the rotation of {site} go on[; it is {state}]",
    ),
    AuditAction.ROTATION_HELD: ("paused the rotation of {site}[: {why}]",),
    AuditAction.ROTATION_APPROVED: ("approved a step of the rotation of {site}[; {gate_said}]",),
    AuditAction.ROTATION_APPROVED_ALONE: (
        "approved a step of the rotation of {site} without a second person[; {gate_said}]",
    ),
    AuditAction.ROTATION_ENDED: (
        "ended the rotation of {site}[: {state}][, and release {release} is served][; {why}]",
    ),
    AuditAction.BACKUP_RESTORED: ("restored a backup[ of {made}][ from {host}][: {file}][, up to entry {head}]",),
    AuditAction.STORE_COPIED: ("began a copy of the database[ to {to}]",),
    AuditAction.BACKUP_CREATED: ("made a backup[ in {file}][, with the authority's keys: {authority}]",),
    AuditAction.HOST_FORGOTTEN: (
        "removed the host {host} from the list[; last heard {heard_last}][, with {waiting_bytes} bytes of sightings on "
        "its disk]",
        "removed a host",
    ),
    AuditAction.KPN_DEVICE_ADDED: ("added KPN device {imei}[ to the link {link}]", "added a KPN device"),
    AuditAction.KPN_DEVICE_REMOVED: ("removed KPN device {imei}", "removed a KPN device"),
    AuditAction.DOWNLINK_QUEUED: ("queued a message to KPN device {imei}[ by {channel}]", "queued a message"),
    AuditAction.DOWNLINK_CANCELLED: ("cancelled message {downlink} to a KPN device", "cancelled a message"),
    AuditAction.SIM_STATE_ORDERED: (
        "ordered that SIM {thing} of account {account} is set to {state}[; bulk {bulk}]",
        "ordered that {things:SIM} of account {account} are set to {state}[; bulk {bulk}]",
        "ordered a state of SIMs",
    ),
    AuditAction.SIM_RETIREMENT_ORDERED: (
        "ordered that SIM {thing} of account {account} is retired for good[; bulk {bulk}]",
        "ordered that {things:SIM} of account {account} are retired for good[; bulk {bulk}]",
        "ordered that SIMs are retired for good",
    ),
    AuditAction.SIM_CHANGE_ORDERED: (
        "ordered for SIM {thing} of account {account}: {change}[; bulk {bulk}]",
        "ordered for {things:SIM} of account {account}: {change}[; bulk {bulk}]",
        "ordered a change of SIMs",
    ),
    AuditAction.SIM_BULK_RESUMED: (
        "resumed bulk {bulk} of account {account}[, with {things:SIM} left]",
        "resumed a bulk of SIMs",
    ),
    AuditAction.SIM_BULK_DROPPED: (
        "dropped bulk {bulk} of account {account}[, with {things:SIM} left]",
        "dropped a bulk of SIMs",
    ),
    AuditAction.SIM_MESSAGE_ORDERED: (
        "ordered an SMS of {characters:character} to SIM {thing} of account {account}",
        "ordered an SMS to a SIM",
    ),
    AuditAction.SIM_NETWORK_CHANGE_ORDERED: (
        "ordered for {of} of account {account}: {change}",
        "ordered a change of a network of SIMs",
    ),
    AuditAction.SIM_USER_ORDERED: (
        "ordered a user {user} of account {account}[ with the permission {permission}]",
        "ordered a user of an account",
    ),
    AuditAction.SIM_ORDER_ENDED: (
        "ended a run of bulk {bulk} of account {account}: {outcome}",
        "ended the order {operation} for SIM {thing} of account {account}: {outcome}[ ({code})]",
        "ended the order {operation} for {of} of account {account}: {outcome}[ ({code})]",
        "ended the order {operation} of account {account}: {outcome}[ ({code})]",
        "ended an order for SIMs",
    ),
    AuditAction.PERSON_ADDED: ("added {person}[ as {role}][ at the sites: {sites}][, by {way}]", "added a person"),
    AuditAction.PERSON_CHANGED: (
        "gave {person} the role {role}[ at the sites: {sites}][; before: {before.role}][ at the sites: {before.sites}]"
        "[, by {way}]",
        "connected {person} with the OpenID subject {openid}",
        "took the OpenID subject from {person}",
        "changed a person",
    ),
    AuditAction.PERSON_RESET: ("took the password of {person}, and made a new link", "took a person's password"),
    AuditAction.PERSON_LOCKED: ("locked {person}", "locked a person"),
    AuditAction.PERSON_REMOVED: ("removed {person}", "removed a person"),
    AuditAction.PASSWORD_SET: ("set a password[ for {person}]",),
    AuditAction.SIGNED_IN: ("signed in[ by {way}][ from {address}]",),
    AuditAction.TOKEN_ADDED: (
        "made the token {token}[ with the role {role}][ at the sites: {sites}][, good until {ends}]",
        "made a token",
    ),
    AuditAction.TOKEN_REVOKED: (
        "revoked the token {token}[ that {maker} had made: they may no longer do as much]",
        "revoked a token",
    ),
    AuditAction.ALERT_RECIPIENT_ADDED: (
        "let alerts go to {recipient}[ by {channel}][: {to}][, about the sites: {sites}][, of the kinds: {kinds}]",
        "added a recipient of alerts",
    ),
    AuditAction.ALERT_RECIPIENT_REMOVED: ("let no more alerts go to {recipient}", "removed a recipient of alerts"),
    AuditAction.ALERT_RECIPIENT_TESTED: ("sent a test alert to {recipient}", "sent a test alert"),
    AuditAction.ALERT_MAIL_SENT: ("sent the morning mail to {recipient}", "sent a morning mail"),
    AuditAction.AUDIT_CHAINED: ("began to protect the audit log by hashes[; it had {entries:entry} before]",),
    AuditAction.UNKNOWN: ("did something that this version does not know",),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of an entry.

    Attributes:
        name: Its name in the entry.
        now: As it is since then. None if it is no more.
        before: As it was. None if nothing was recorded.
    """

    name: str
    now: str | None
    before: str | None

    @property
    def is_changed(self) -> bool:
        """Whether it was recorded before, and is another one now."""
        return self.before is not None and self.now != self.before


def changes_of(event: AuditEvent) -> list[Change]:
    """The facts of an entry, those that changed first."""
    names = dict.fromkeys((*event.facts, *event.before))
    changes = [Change(name, event.facts.get(name), event.before.get(name)) for name in names]
    return sorted(changes, key=lambda change: not change.is_changed)


def act_words(event: AuditEvent) -> str:
    """What was done, without who did it."""
    facts = _facts(event)
    forms = WORDS[event.action]
    fitting = next((form for form in forms if _has_all(_OPTIONAL.sub("", form), facts)), forms[-1])
    whole = _OPTIONAL.sub(lambda part: part[1] if _has_all(part[1], facts) else "", fitting)
    return _FACT.sub(lambda found: _written(facts.get(found[1], _UNKNOWN), found[2]), whole)


def _facts(event: AuditEvent) -> dict[str, str]:
    facts = {name: value for name, value in event.facts.items() if _is_something(name, value)}
    before = {f"before.{name}": value for name, value in event.before.items() if _is_something(name, value)}
    changed = [each.name.replace("_", " ") for each in changes_of(event) if each.is_changed]
    verdict, colon, why = event.facts.get("gate", "").partition(": ")
    gate_said = f"{_GATE_SAID[verdict]}: {why}" if colon and verdict in _GATE_SAID else ""
    made = {
        "site": event.site,
        "gate_said": gate_said,
        "changed": " and ".join(filter(None, (", ".join(changed[:-1]), *changed[-1:]))),
    }
    return {**facts, **before, **{name: value for name, value in made.items() if value}}


def _is_something(name: str, value: str) -> bool:
    return bool(value) and not (value == "none" and name in _MAY_BE_NONE)


def _has_all(text: str, facts: Mapping[str, str]) -> bool:
    return all(name in facts for name, _ in _FACT.findall(text))


def _written(value: str, thing: str | None) -> str:
    if not thing:
        return value
    many = {"person": "people", "entry": "entries"}.get(thing, f"{thing}s")
    return f"{value} {thing if value == '1' else many}"
