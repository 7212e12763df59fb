"""Who may do what: the table, walked whole."""

from itertools import product

import pytest

from engage_server.errors import Refused
from engage_server.records import Actor, ActorKind, AuditAction, Grant, Role
from engage_server.services.access.permissions import PERMISSIONS, Act, assert_may, may

SITES = frozenset({"main"})


def actor(role: Role | None, kind: ActorKind = ActorKind.PERSON, sites: frozenset[str] | None = None) -> Actor:
    return Actor("anna", kind, None if role is None else Grant(role, sites))


def test_every_act_stands_in_the_table_once() -> None:
    assert set(PERMISSIONS) == set(Act)
    assert len({act.value for act in Act}) == len(Act)


@pytest.mark.parametrize("act", Act)
def test_each_role_may_what_the_table_says(act: Act) -> None:
    permission = PERMISSIONS[act]
    for role, kind in product(Role, (ActorKind.PERSON, ActorKind.TOKEN)):
        wanted = permission.role is not None and role.includes(permission.role)
        wanted = wanted and not (permission.people_only and kind is ActorKind.TOKEN)
        assert may(actor(role, kind), act, "main") is wanted, (role, kind)


@pytest.mark.parametrize("act", Act)
def test_a_role_at_one_site_reaches_nothing_else(act: Act) -> None:
    permission = PERMISSIONS[act]
    local = actor(Role.ADMIN, sites=SITES)
    assert may(local, act, "main") is (permission.of_site and permission.role is not None)
    assert not may(local, act, "other")
    assert not may(local, act), "all sites at once are not one's own site"


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("kind", [ActorKind.COMMAND_LINE, ActorKind.SERVERS])
def test_the_command_line_and_the_servers_may_everything(act: Act, kind: ActorKind) -> None:
    assert_may(actor(None, kind), act)


@pytest.mark.parametrize(
    ("who", "act", "site", "code"),
    [
        (actor(Role.ADMIN), Act.SITE_KEY_EXPORT, "main", "access.command_line_only"),
        (actor(Role.ADMIN, ActorKind.TOKEN), Act.ROTATION_APPROVE, "main", "access.people_only"),
        (actor(Role.OPERATOR), Act.ROTATION_APPROVE, "main", "access.role"),
        (actor(None), Act.STATUS_SEE, "main", "access.role"),
        (actor(Role.ADMIN, sites=SITES), Act.RELEASE_ACTIVATE, "other", "access.site"),
        (actor(Role.ADMIN, sites=SITES), Act.PEOPLE_SEE, "", "access.site"),
    ],
)
def test_a_refusal_says_why(who: Actor, act: Act, site: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        assert_may(who, act, site)
    assert refused.value.code == code
    assert refused.value.next_step


def test_what_carries_a_secret_is_for_the_command_line_alone() -> None:
    alone = {act for act, permission in PERMISSIONS.items() if permission.role is None}
    exports = {Act.SITE_KEY_EXPORT, Act.RELEASE_KEY_EXPORT, Act.SITE_ADD, Act.ALERT_COMMAND_SET}
    assert exports | {Act.KEY_ROTATE, Act.KEY_CHECK} <= alone


def test_nobody_hands_on_more_than_they_have() -> None:
    assert Grant(Role.ADMIN).includes(Grant(Role.OPERATOR, SITES))
    assert Grant(Role.OPERATOR, SITES).includes(Grant(Role.VIEWER, SITES))
    for more in (Grant(Role.APPROVER, SITES), Grant(Role.OPERATOR), Grant(Role.VIEWER, frozenset({"main", "other"}))):
        assert not Grant(Role.OPERATOR, SITES).includes(more)


def test_every_action_of_an_operator_has_an_act() -> None:
    """What the audit log can hold, somebody must have been allowed to do."""
    of_nobody = {
        *(
            "audit:chained",
            "installation:created",
            "installation:migrated",
            "installation:key-made",
            "unknown",
            "person:signed-in",
        ),
        *("person:password-set", "rotation:advanced", "rotation:held", "rotation:ended"),
    }
    spelled = {
        "site:added": Act.SITE_ADD,
        "site:changed": Act.SITE_CHANGE,
        "site:renamed": Act.SITE_RENAME,
        "site:removed": Act.SITE_REMOVE,
        "site:made-default": Act.SITE_CHANGE,
        "site:key-exported": Act.SITE_KEY_EXPORT,
        "installation:release-key-exported": Act.RELEASE_KEY_EXPORT,
        "key:rotation-begun": Act.KEY_ROTATE,
        "key:rotation-ended": Act.KEY_ROTATE,
        "key:rotation-aborted": Act.KEY_ROTATE,
        "device:added": Act.DEVICE_ADD,
        "device:named": Act.DEVICE_NAME,
        "device:forgotten": Act.DEVICE_FORGET,
        "device:removed": Act.DEVICE_REMOVE,
        "device:imported": Act.DEVICE_FILES_PUT,
        "upload:tried-again": Act.UPLOAD_TRY_AGAIN,
        "upload:discarded": Act.UPLOAD_DISCARD,
        "vendor:imported": Act.VENDOR_IMPORT,
        "release:staged": Act.RELEASE_STAGE,
        "release:dropped": Act.RELEASE_DROP,
        "release:activated": Act.RELEASE_ACTIVATE,
        "release:rolled-back": Act.RELEASE_ROLL_BACK,
        "release:retired": Act.RELEASE_RETIRE,
        "rotation:started": Act.ROTATION_START,
        "rotation:approved": Act.ROTATION_APPROVE,
        "rotation:approved-alone": Act.ROTATION_APPROVE,
        "host:forgotten": Act.HOST_FORGET,
        "kpn-device:added": Act.KPN_DEVICE_CHANGE,
        "kpn-device:removed": Act.KPN_DEVICE_CHANGE,
        "downlink:queued": Act.DOWNLINK_SEND,
        "downlink:cancelled": Act.DOWNLINK_SEND,
        "sim:state-ordered": Act.SIM_SET,
        "sim:retirement-ordered": Act.SIM_RETIRE,
        "sim:change-ordered": Act.SIM_CHANGE,
        "sim:bulk-resumed": Act.SIM_SET,
        "sim:bulk-dropped": Act.SIM_SET,
        "sim:message-ordered": Act.SIM_MESSAGE_SEND,
        "sim-network:change-ordered": Act.SIM_NETWORK_CHANGE,
        "sim-user:ordered": Act.SIM_USER_ADD,
        "sim:order-ended": Act.SIM_SET,
        "alert:recipient-added": Act.ALERT_CHANGE,
        "alert:recipient-removed": Act.ALERT_CHANGE,
        "alert:recipient-tested": Act.ALERT_TEST,
        "alert:mail-sent": Act.ALERT_TEST,
        "backup:created": Act.BACKUP_CREATE,
        "backup:restored": Act.BACKUP_RESTORE,
        "store:copied": Act.STORE_COPY,
        "person:added": Act.PEOPLE_CHANGE,
        "person:changed": Act.PEOPLE_CHANGE,
        "person:reset": Act.PEOPLE_CHANGE,
        "person:locked": Act.PEOPLE_CHANGE,
        "person:removed": Act.PEOPLE_CHANGE,
        "token:added": Act.TOKEN_CHANGE,
        "token:revoked": Act.TOKEN_CHANGE,
    }
    assert {action.value for action in AuditAction} == set(spelled) | of_nobody
    recorded = {act for act, permission in PERMISSIONS.items() if permission.is_recorded}
    # a command as a recipient is one more act beside the change of recipients
    assert recorded == {*spelled.values(), Act.ROTATION_ABORT, Act.INSTALLATION_MAKE, Act.ALERT_COMMAND_SET}


def test_what_a_token_or_a_viewer_may_see_leaves_no_entry() -> None:
    for act, permission in PERMISSIONS.items():
        if permission.role is Role.VIEWER:
            assert not permission.is_recorded, act
