"""How the call-ins of a site's devices are answered."""

from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_TIMEOUT_SECONDS = 10.0


class CallInWay(StrEnum):
    """Who answers. Values are stored."""

    FILES = "files"  # this host, from each device's JSON files
    UPSTREAM = "upstream"  # the partner's own access-control system
    SHARED = "shared"  # this host, from its copy of the files that all hosts share in the database


class UnknownDevices(StrEnum):
    """What happens to a device that is on no list of its site. Values are stored."""

    REFUSE = "refuse"  # 404
    ENROLL = "enroll"  # it is put on the list


@dataclass(frozen=True, slots=True)
class Upstream:
    """The partner's own system.

    Attributes:
        url: ``https://HOST[:PORT][/PATH]``, in front of the device's own path. Never holds a password.
        timeout_seconds: The time limit of one whole call, in seconds.
        trust_pem: The certificates that its chain may lead to, as PEM. "" for those that this machine trusts.
    """

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    trust_pem: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CallIn:
    """One site's choice.

    Attributes:
        way: Who answers.
        insecure: Whether calls are accepted on the plain instance, too (``insecure_call_in``). Anyone between a device
            and this host can then read and change who may open which door.
        unknown: What happens to devices that are on no list.
        upstream: Set if ``way`` is ``UPSTREAM``; otherwise it may be.
    """

    way: CallInWay = CallInWay.FILES
    insecure: bool = False
    unknown: UnknownDevices = UnknownDevices.REFUSE
    upstream: Upstream | None = None
