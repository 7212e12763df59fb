"""What the document lets an operator of SIMs do. A contract says how: no path of this API is public."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """One thing to ask or to do. The values are keys of a map (``[operations."things.list"]``): never rename one."""

    THINGS_LIST = "things.list"
    THINGS_READ = "things.read"
    THINGS_SET_STATE = "things.set_state"
    THINGS_SET_TAGS = "things.set_tags"
    THINGS_SET_SERVICES = "things.set_services"
    THINGS_LOCK_ADDRESS = "things.lock_address"
    THINGS_RELEASE_ADDRESS = "things.release_address"
    THINGS_REACHABILITY = "things.reachability"
    GROUPS_LIST = "groups.list"
    GROUPS_READ = "groups.read"
    NETWORKS_LIST = "networks.list"
    NETWORKS_READ = "networks.read"
    ROUTES_ADD = "routes.add"
    ROUTES_REMOVE = "routes.remove"
    NAT_ADD = "nat.add"
    NAT_REMOVE = "nat.remove"
    TUNNELS_ADD = "tunnels.add"
    TUNNELS_REMOVE = "tunnels.remove"
    PROFILES_LIST = "profiles.list"
    PROFILES_READ = "profiles.read"
    RULES_ADD = "rules.add"
    RULES_REMOVE = "rules.remove"
    SMS_SEND = "sms.send"
    BILLING_READ = "billing.read"
    USERS_LIST = "users.list"
    USERS_ADD = "users.add"

    @property
    def is_write(self) -> bool:
        """Whether it changes something. A write is never repeated by itself."""
        return self not in _READS

    @property
    def is_of_thing(self) -> bool:
        """Whether it is about a Thing itself. The answer to such a write may describe the Thing."""
        return self.value.startswith("things.")


_READS: Final = frozenset(
    (
        Operation.THINGS_LIST,
        Operation.THINGS_READ,
        Operation.THINGS_REACHABILITY,
        Operation.GROUPS_LIST,
        Operation.GROUPS_READ,
        Operation.NETWORKS_LIST,
        Operation.NETWORKS_READ,
        Operation.PROFILES_LIST,
        Operation.PROFILES_READ,
        Operation.BILLING_READ,
        Operation.USERS_LIST,
    )
)

# Values that no error, answer or log may repeat.
SECRET_VALUES: Final = ("shared_secret", "text")
# The names of the values that each operation takes. A map says where in the request each one goes. All are texts, but
# for "tags" and "services", which are lists of texts, and ports, which are whole numbers.
VALUES: Final[Mapping[Operation, tuple[str, ...]]] = {
    Operation.THINGS_LIST: ("group", "tag", "state"),  # filters: those that a map does not place are applied here
    Operation.THINGS_READ: ("thing",),
    Operation.THINGS_SET_STATE: ("thing", "state"),
    Operation.THINGS_SET_TAGS: ("thing", "tags"),
    Operation.THINGS_SET_SERVICES: ("thing", "services"),
    Operation.THINGS_LOCK_ADDRESS: ("thing", "address"),
    Operation.THINGS_RELEASE_ADDRESS: ("thing",),
    Operation.THINGS_REACHABILITY: ("thing", "phone_number", "address"),
    Operation.GROUPS_LIST: (),
    Operation.GROUPS_READ: ("group",),
    Operation.NETWORKS_LIST: (),
    Operation.NETWORKS_READ: ("network",),
    Operation.ROUTES_ADD: ("network", "destination", "gateway"),
    Operation.ROUTES_REMOVE: ("network", "route"),
    Operation.NAT_ADD: ("network", "thing", "protocol", "outside_port", "inside_port", "address"),
    Operation.NAT_REMOVE: ("network", "rule"),
    Operation.TUNNELS_ADD: ("network", "peer", "local_networks", "remote_networks", "shared_secret"),
    Operation.TUNNELS_REMOVE: ("network", "tunnel"),
    Operation.PROFILES_LIST: (),
    Operation.PROFILES_READ: ("profile",),
    Operation.RULES_ADD: ("profile", "direction", "action", "protocol", "destination", "port"),
    Operation.RULES_REMOVE: ("profile", "rule"),
    Operation.SMS_SEND: ("thing", "text"),
    Operation.BILLING_READ: ("thing", "group", "month"),
    Operation.USERS_LIST: (),
    Operation.USERS_ADD: ("user", "email", "permission"),
}
