"""What services need that judges chains or makes keys. Both are imported when first used."""

from functools import cache
from typing import TYPE_CHECKING

from engage_server.records import AnchorRole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from engage_server.lock.acceptance.judge import DeviceJudge


def judge_as_doors(anchor: AnchorRole) -> "DeviceJudge":
    """A judge that accepts and refuses chains as doors do, for the anchor that a site distributes."""
    from engage_server.lock.acceptance.judge import DeviceJudge
    from engage_server.lock.limits import DeviceLimits

    return DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)


@cache
def throwaway_keys(count: int) -> list["rsa.RSAPrivateKey"]:
    """They rehearse, and sign nothing that anyone gets. So a process makes them once."""
    from engage_server.pki.keys import generate_keys

    return generate_keys(count)
