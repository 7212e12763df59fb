"""Which faults each night has."""

from tests.trials.faults import balancers, nodes, patroni, scripted
from tests.trials.faults.fault import together

SHORT = (
    nodes.NONE,
    together("a node without the database, and primary killed (-9)", nodes.DATABASE_CUT, scripted.PRIMARY_KILLED),
)
"""Without clocks that are set. At the same time, because each second costs CPU: eight processes serve, and wait."""

_OF_NODES = (
    *(nodes.NONE, nodes.NODE_KILLED, nodes.NODE_FROZEN, nodes.NODE_UNPLUGGED, nodes.NODE_HALF_OPEN),
    nodes.ALL_RESTARTED_WITHOUT_DATABASE,
)
_OF_BALANCERS = (
    balancers.BALANCER_KILLED,
    balancers.BALANCER_FROZEN,
    balancers.BALANCER_AND_NODE,
    balancers.BALANCERS_APART,
)
SCRIPTED = (
    (*_OF_NODES, balancers.BALANCER_KILLED),
    (
        *_OF_BALANCERS[1:],
        *(scripted.PRIMARY_KILLED, scripted.PRIMARY_FROZEN, scripted.STANDBY_KILLED, nodes.CLOCKS_APART),
    ),
)
"""The nights before the one in which a node has no database."""

PATRONI = (
    (*_OF_NODES, nodes.CLOCKS_APART),
    (*_OF_BALANCERS, patroni.ETCD_MEMBER_KILLED, patroni.REPLICATION_CUT),
    (
        *(patroni.PRIMARY_KILLED, patroni.PRIMARY_FROZEN, patroni.PRIMARY_UNPLUGGED),
        *(patroni.STANDBY_KILLED, patroni.ETCD_MAJORITY_KILLED),
    ),
)
"""The same, where Patroni decides who leads."""
