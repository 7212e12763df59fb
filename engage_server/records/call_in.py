"""How a site's devices are answered when they call in."""

from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_TIMEOUT_SECONDS = 10.0


class CallInWay(StrEnum):
    """Who answers. Values are stored."""

    FILES = "files"  # this host, from the JSON files of each device
    UPSTREAM = "upstream"  # the partner's own access-control system


class UnknownDevices(StrEnum):
    """What happens to a device that is on no list of its site. Values are stored."""

    REFUSE = "refuse"  # 404
    ENROLL = "enroll"  # it is put on the list


@dataclass(frozen=True, slots=True)
class Upstream:
    """The partner's own system.

    Attributes:
        url: ``https://HOST[:PORT][/PATH]``; the device's own path is put behind it. Never holds a password.
        timeout_seconds: How long one call may take in all.
        trust_pem: The certificates that its chain may lead to, as PEM; "" for those that this machine trusts.
    """

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    trust_pem: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CallIn:
    """One site's choice.

    Attributes:
        way: Who answers.
        insecure: Whether calls are taken on the plain instance, too (``insecure_call_in``): then whoever is between a
            device and this host reads and changes who may open which door.
        unknown: What happens to devices that are on no list.
        upstream: There for the way of that name.
    """

    way: CallInWay = CallInWay.FILES
    insecure: bool = False
    unknown: UnknownDevices = UnknownDevices.REFUSE
    upstream: Upstream | None = None
