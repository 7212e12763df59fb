"""Things, as the document calls SIMs: their states, and which moves between states it states. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ThingState(StrEnum):
    """The states of the document. A map says how a contract spells each."""

    PROVISIONED = "PROVISIONED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    RETIRED = "RETIRED"


@dataclass(frozen=True, slots=True)
class Thing:
    """One SIM, as its operator describes it.

    Attributes:
        thing: Its identity in the contract, mostly its ICCID.
        state: Its state; None where the contract's word is none of the document's.
        word: The contract's own word for its state.
        iccid: Its ICCID; "" if the contract does not say.
        imsi: Its IMSI.
        imei: The IMEI of the device in which it sits. It changes when the SIM is put into another device.
        phone_number: Its MSISDN, where it has one.
        address: The IP address that it has now.
        is_locked: Whether it keeps that address. None: not said.
        group: Its Things Group.
        tags: Its tags.
        services: The services that it may use, such as ``data`` and ``sms``. None: not said.
        is_connected: Whether it has a session now. None: not said.
        fields: What else the map names, as text.
    """

    thing: str
    state: ThingState | None
    word: str = ""
    iccid: str = ""
    imsi: str = ""
    imei: str = ""
    phone_number: str = ""
    address: str = ""
    is_locked: bool | None = None
    group: str = ""
    tags: tuple[str, ...] = ()
    services: tuple[str, ...] | None = None
    is_connected: bool | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class Reachability(StrEnum):
    """Whether the network reaches a SIM, as CAMARA's Device Reachability Status has it."""

    DATA = "data"
    SMS = "sms"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reached:
    """What a network says about one SIM.

    Attributes:
        reachability: How it can be reached.
        at: When the network last knew; aware. None: it does not say.
    """

    reachability: Reachability
    at: datetime | None = None
