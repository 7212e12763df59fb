"""The one table of who may do what. The API, the console and the command line all ask :func:`assert_may`.

A command names its acts where it is made (``cli.process.asking``), and a route where it stands in its table.

1. The command line and the servers themselves may do everything: a shell on this host is stronger than any role.
2. What only the command line may do, nobody else may.
3. What only people may do, a token may not, whatever its role is.
4. The role must include the one in the table.
5. The grant must hold at the site. What belongs to no site needs a grant for all sites.
"""

from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import Refused
from engage_server.records import Actor, ActorKind, Grant, Role


class Act(StrEnum):
    """Everything that somebody can do, as ``thing:what``."""

    STATUS_SEE = "status:see"
    TONIGHT_SEE = "tonight:see"
    SITE_SEE = "site:see"
    SITE_ADD = "site:add"
    SITE_CHANGE = "site:change"
    SITE_RENAME = "site:rename"
    SITE_REMOVE = "site:remove"
    SITE_KEY_EXPORT = "site:export-key"
    SITE_KEY_USE = "site:use-key"
    RELEASE_SEE = "release:see"
    RELEASE_STAGE = "release:stage"
    RELEASE_DROP = "release:drop"
    RELEASE_ACTIVATE = "release:activate"
    RELEASE_ROLL_BACK = "release:roll-back"
    RELEASE_RETIRE = "release:retire"
    RELEASE_KEY_EXPORT = "installation:export-release-key"
    KEY_ROTATE = "installation:rotate-key"
    KEY_CHECK = "installation:check-keys"
    ROTATION_SEE = "rotation:see"
    ROTATION_PLAN = "rotation:plan"
    ROTATION_START = "rotation:start"
    ROTATION_APPROVE = "rotation:approve"
    ROTATION_ABORT = "rotation:abort"
    DEVICE_SEE = "device:see"
    DEVICE_ADD = "device:add"
    DEVICE_NAME = "device:name"
    DEVICE_FORGET = "device:forget"
    DEVICE_REMOVE = "device:remove"
    DEVICE_FILES_SEE = "device:see-files"
    DEVICE_FILES_PUT = "device:put-files"
    UPLOAD_TRY_AGAIN = "upload:try-again"
    UPLOAD_DISCARD = "upload:discard"
    CHAIN_CHECK = "chain:check"
    HOST_SEE = "host:see"
    HOST_FORGET = "host:forget"
    AUDIT_SEE = "audit:see"
    LINK_SEE = "link:see"
    LINK_CHECK = "link:check"
    LINK_CALL = "link:call"
    KPN_DEVICE_SEE = "kpn-device:see"
    KPN_DEVICE_CHANGE = "kpn-device:change"
    DOWNLINK_SEE = "downlink:see"
    DOWNLINK_SEND = "downlink:send"
    SIM_SEE = "sim:see"
    SIM_SET = "sim:set"
    SIM_RETIRE = "sim:retire"
    SIM_CHANGE = "sim:change"
    SIM_MESSAGE_SEND = "sim:send"
    SIM_NETWORK_CHANGE = "sim-network:change"
    SIM_USER_SEE = "sim-user:see"
    SIM_USER_ADD = "sim-user:add"
    PEOPLE_SEE = "people:see"
    PEOPLE_CHANGE = "people:change"
    TOKEN_SEE = "token:see"  # noqa: S105  # an act, not a secret
    TOKEN_CHANGE = "token:change"  # noqa: S105  # an act, too
    ALERT_SEE = "alert:see"
    ALERT_CHANGE = "alert:change"
    ALERT_TEST = "alert:test"
    ALERT_COMMAND_SET = "alert:set-command"
    METRICS_SEE = "metrics:see"
    SETTINGS_SEE = "settings:see"
    INSTALLATION_MAKE = "installation:make"
    INSTALLATION_SERVE = "installation:serve"
    INSTALLATION_CHECK = "installation:check"
    BACKUP_CREATE = "backup:create"
    BACKUP_VERIFY = "backup:verify"
    BACKUP_RESTORE = "backup:restore"
    STORE_COPY = "store:copy"
    VENDOR_IMPORT = "vendor:import"


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do one act.

    Attributes:
        role: The least role. None: only the command line may, because a secret or the whole installation is at stake.
        of_site: Whether the act belongs to one site. Else a grant for all sites is needed.
        people_only: Whether a token may never do it.
        is_recorded: Whether the audit log gets an entry, with the reason that was given. False for what only sees.
    """

    role: Role | None
    of_site: bool = True
    people_only: bool = False
    is_recorded: bool = True


_VIEWER = Permission(Role.VIEWER, is_recorded=False)
_VIEWER_OF_ALL = Permission(Role.VIEWER, of_site=False, is_recorded=False)
_OPERATOR = Permission(Role.OPERATOR)
_ADMIN = Permission(Role.ADMIN, of_site=False)
_OPERATOR_SEES = Permission(Role.OPERATOR, of_site=False, is_recorded=False)
_ADMIN_SEES = Permission(Role.ADMIN, of_site=False, is_recorded=False)
_COMMAND_LINE = Permission(None, of_site=False)
_COMMAND_LINE_SEES = Permission(None, of_site=False, is_recorded=False)

PERMISSIONS: dict[Act, Permission] = {
    Act.STATUS_SEE: _VIEWER,
    Act.TONIGHT_SEE: _VIEWER,
    Act.SITE_SEE: _VIEWER,
    Act.SITE_ADD: _COMMAND_LINE,  # it takes a site key, which travels by no HTTP request
    Act.SITE_CHANGE: Permission(Role.ADMIN),  # call-ins too: an upstream system learns who may open which door
    Act.SITE_RENAME: _ADMIN,
    Act.SITE_REMOVE: _ADMIN,
    Act.SITE_KEY_EXPORT: _COMMAND_LINE,
    Act.SITE_KEY_USE: _COMMAND_LINE_SEES,  # a virtual lock holds the key as a door does
    Act.RELEASE_SEE: _VIEWER,
    Act.RELEASE_STAGE: _OPERATOR,
    Act.RELEASE_DROP: _OPERATOR,
    Act.RELEASE_ACTIVATE: _OPERATOR,
    Act.RELEASE_ROLL_BACK: _OPERATOR,
    Act.RELEASE_RETIRE: _OPERATOR,
    Act.RELEASE_KEY_EXPORT: _COMMAND_LINE,
    Act.KEY_ROTATE: _COMMAND_LINE,  # it writes a key that opens everything
    Act.KEY_CHECK: _COMMAND_LINE_SEES,  # it reads that key
    Act.ROTATION_SEE: _VIEWER,
    Act.ROTATION_PLAN: _VIEWER,
    Act.ROTATION_START: _OPERATOR,
    Act.ROTATION_APPROVE: Permission(Role.APPROVER, people_only=True),
    Act.ROTATION_ABORT: _OPERATOR,
    Act.DEVICE_SEE: _VIEWER,
    Act.DEVICE_ADD: _OPERATOR,
    Act.DEVICE_NAME: _OPERATOR,
    Act.DEVICE_FORGET: _OPERATOR,
    Act.DEVICE_REMOVE: _OPERATOR,
    Act.DEVICE_FILES_SEE: Permission(Role.OPERATOR, is_recorded=False),  # they hold who may open which door
    Act.DEVICE_FILES_PUT: _OPERATOR,
    Act.UPLOAD_TRY_AGAIN: _OPERATOR,
    Act.UPLOAD_DISCARD: _OPERATOR,
    Act.CHAIN_CHECK: _VIEWER,
    Act.HOST_SEE: _VIEWER_OF_ALL,  # a host serves all sites
    Act.HOST_FORGET: _ADMIN,
    Act.AUDIT_SEE: _VIEWER,
    Act.LINK_SEE: _VIEWER,
    Act.LINK_CHECK: _COMMAND_LINE_SEES,  # it reads the secrets that links.toml names
    # it speaks to a partner in the operator's name, and may cost money; its keys are not in the store
    Act.LINK_CALL: _COMMAND_LINE_SEES,
    Act.KPN_DEVICE_SEE: _OPERATOR_SEES,  # telephone numbers and contracts
    Act.KPN_DEVICE_CHANGE: _ADMIN,
    Act.DOWNLINK_SEE: _OPERATOR_SEES,
    Act.DOWNLINK_SEND: Permission(Role.OPERATOR, of_site=False),
    # an account has the SIMs of many sites, and SIMs of none
    Act.SIM_SEE: _OPERATOR_SEES,  # telephone numbers and contracts
    Act.SIM_SET: Permission(Role.OPERATOR, of_site=False),
    Act.SIM_RETIRE: Permission(Role.ADMIN, of_site=False, people_only=True),  # nothing brings a retired SIM back
    Act.SIM_CHANGE: _ADMIN,
    Act.SIM_MESSAGE_SEND: Permission(Role.OPERATOR, of_site=False),
    Act.SIM_NETWORK_CHANGE: _ADMIN,  # a rule may let strangers in, or cut all doors off
    Act.SIM_USER_SEE: _ADMIN_SEES,
    Act.SIM_USER_ADD: Permission(Role.ADMIN, of_site=False, people_only=True),
    Act.PEOPLE_SEE: _ADMIN_SEES,
    Act.PEOPLE_CHANGE: Permission(Role.ADMIN, of_site=False, people_only=True),
    Act.TOKEN_SEE: _ADMIN_SEES,
    Act.TOKEN_CHANGE: Permission(Role.ADMIN, of_site=False, people_only=True),
    Act.ALERT_SEE: _ADMIN_SEES,  # who is told, and how they are reached
    # its address decides whom this host calls, and who learns which doors are at risk
    Act.ALERT_CHANGE: Permission(Role.ADMIN, of_site=False, people_only=True),
    Act.ALERT_TEST: _ADMIN,
    Act.ALERT_COMMAND_SET: _COMMAND_LINE,  # it runs a program on this host
    Act.METRICS_SEE: _VIEWER_OF_ALL,
    Act.SETTINGS_SEE: _ADMIN_SEES,  # addresses and paths, never a secret
    Act.INSTALLATION_MAKE: _COMMAND_LINE,
    Act.INSTALLATION_SERVE: _COMMAND_LINE_SEES,
    Act.INSTALLATION_CHECK: _COMMAND_LINE_SEES,  # it reads key files to say whether they fit
    Act.BACKUP_CREATE: _COMMAND_LINE,  # everything is inside, though sealed
    Act.BACKUP_VERIFY: _COMMAND_LINE_SEES,
    Act.BACKUP_RESTORE: _COMMAND_LINE,
    Act.STORE_COPY: _COMMAND_LINE,  # everything is inside, though sealed
    Act.VENDOR_IMPORT: _COMMAND_LINE,
}

ACT_WORDS: dict[Act, str] = {
    Act.STATUS_SEE: "see the state of sites",
    Act.TONIGHT_SEE: "see which doors are at risk",
    Act.SITE_SEE: "see sites",
    Act.SITE_ADD: "add sites",
    Act.SITE_CHANGE: "change sites",
    Act.SITE_RENAME: "rename sites",
    Act.SITE_REMOVE: "remove sites",
    Act.SITE_KEY_EXPORT: "export site keys",
    Act.SITE_KEY_USE: "use site keys",
    Act.RELEASE_SEE: "see releases",
    Act.RELEASE_STAGE: "add releases",
    Act.RELEASE_DROP: "remove releases",
    Act.RELEASE_ACTIVATE: "activate releases",
    Act.RELEASE_ROLL_BACK: "go back to earlier releases",
    Act.RELEASE_RETIRE: "destroy keys of releases",
    Act.RELEASE_KEY_EXPORT: "export the release key",
    Act.KEY_ROTATE: "replace the key-encryption key",
    Act.KEY_CHECK: "check the keys",
    Act.ROTATION_SEE: "see rotations",
    Act.ROTATION_PLAN: "plan rotations",
    Act.ROTATION_START: "start rotations",
    Act.ROTATION_APPROVE: "approve steps of rotations",
    Act.ROTATION_ABORT: "end rotations",
    Act.DEVICE_SEE: "see doors",
    Act.DEVICE_ADD: "add doors",
    Act.DEVICE_NAME: "name doors",
    Act.DEVICE_FORGET: "delete what is known of doors",
    Act.DEVICE_REMOVE: "remove doors",
    Act.DEVICE_FILES_SEE: "see the files of doors",
    Act.DEVICE_FILES_PUT: "change the files of doors",
    Act.UPLOAD_TRY_AGAIN: "try rejected uploads again",
    Act.UPLOAD_DISCARD: "discard rejected uploads",
    Act.CHAIN_CHECK: "check chains",
    Act.HOST_SEE: "see the hosts that serve",
    Act.HOST_FORGET: "remove hosts that served",
    Act.AUDIT_SEE: "see the audit log",
    Act.LINK_SEE: "see links",
    Act.LINK_CHECK: "check links",
    Act.LINK_CALL: "call partners by links",
    Act.KPN_DEVICE_SEE: "see KPN devices",
    Act.KPN_DEVICE_CHANGE: "change KPN devices",
    Act.DOWNLINK_SEE: "see messages to devices",
    Act.DOWNLINK_SEND: "send messages to devices",
    Act.SIM_SEE: "see SIMs at their operator",
    Act.SIM_SET: "set the state of SIMs",
    Act.SIM_RETIRE: "retire SIMs for good",
    Act.SIM_CHANGE: "change tags, services and addresses of SIMs",
    Act.SIM_MESSAGE_SEND: "send SMS to SIMs",
    Act.SIM_NETWORK_CHANGE: "change networks and firewall rules of SIMs",
    Act.SIM_USER_SEE: "see who may use an account at an operator of SIMs",
    Act.SIM_USER_ADD: "add users of an account at an operator of SIMs",
    Act.PEOPLE_SEE: "see people",
    Act.PEOPLE_CHANGE: "add and change people",
    Act.TOKEN_SEE: "see tokens",
    Act.TOKEN_CHANGE: "make and revoke tokens",
    Act.ALERT_SEE: "see who gets alerts",
    Act.ALERT_CHANGE: "add and remove recipients of alerts",
    Act.ALERT_TEST: "send test alerts",
    Act.ALERT_COMMAND_SET: "let alerts run a program",
    Act.METRICS_SEE: "read the metrics",
    Act.SETTINGS_SEE: "see the settings",
    Act.INSTALLATION_MAKE: "make an installation",
    Act.INSTALLATION_SERVE: "serve devices",
    Act.INSTALLATION_CHECK: "check the installation",
    Act.BACKUP_CREATE: "make a backup",
    Act.BACKUP_VERIFY: "verify a backup",
    Act.BACKUP_RESTORE: "restore a backup",
    Act.STORE_COPY: "copy the database",
    Act.VENDOR_IMPORT: "take over the vendor's certificates",
}
"""What people read in place of the name of an act, after "may" or "cannot"."""

_WHO_MAY = {
    Role.VIEWER: "people with a role",
    Role.OPERATOR: "operators, approvers and admins",
    Role.APPROVER: "approvers and admins",
    Role.ADMIN: "admins",
}

_MIGHTY = (ActorKind.COMMAND_LINE, ActorKind.SERVERS)


def assert_may(actor: Actor, act: Act, site: str = "") -> None:
    """Refuse what an actor may not do.

    Args:
        actor: Who.
        act: What.
        site: At which site. "" for what belongs to no site, or to all.

    Raises:
        Refused: They may not. The code says why: ``access.command_line_only``, ``access.people_only``,
            ``access.role`` or ``access.site``.
    """
    if actor.kind in _MIGHTY:
        return
    grant = _grant_for(actor, act)
    of_site = PERMISSIONS[act].of_site
    if not grant.holds_at(site if of_site else ""):
        where = f"at site '{site}'" if of_site and site else "at all sites"
        raise Refused(
            f"{actor.name} has no role {where}, and cannot {ACT_WORDS[act]} without one",
            "Ask an admin for a role there.",
            code="access.site",
        )


def assert_may_somewhere(actor: Actor, act: Act) -> None:
    """Refuse what an actor may do at no site: for lists, which leave out what the actor may not see.

    Raises:
        Refused: As :func:`assert_may`, without ``access.site``.
    """
    if actor.kind not in _MIGHTY:
        _grant_for(actor, act)


def _grant_for(actor: Actor, act: Act) -> Grant:
    """The grant with which an actor may do something, wherever it holds."""
    permission = PERMISSIONS[act]
    if permission.role is None:
        raise Refused(
            f"only the command line on the server may {ACT_WORDS[act]}",
            "Ask somebody who has a shell on the server.",
            code="access.command_line_only",
        )
    if permission.people_only and actor.kind is ActorKind.TOKEN:
        raise Refused(
            f"no token may {ACT_WORDS[act]}: a person must", "Sign in, and do it there.", code="access.people_only"
        )
    grant = actor.grant
    if grant is None or not grant.role.includes(permission.role):
        has = f"the role {grant.role}" if grant else "no role"
        raise Refused(
            f"only {_WHO_MAY[permission.role]} may {ACT_WORDS[act]}, and {actor.name} has {has}",
            f"Ask somebody with the role {permission.role}.",
            code="access.role",
        )
    return grant


def may(actor: Actor, act: Act, site: str = "") -> bool:
    """Whether an actor may do something: for pages that leave out what is refused anyway."""
    try:
        assert_may(actor, act, site)
    except Refused:
        return False
    return True
