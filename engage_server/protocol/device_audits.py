"""Audits and alerts as devices send them, read leniently.

Two formats are known, and neither is in the vendor's public pages. So member names come from a list of known ones, and
any other JSON is kept as well:

* an object with a list of events, each with its code and its data in separate members:
  ``{"audits": [{"event": "0B07", "eventData": "0000", "timestamp": "20261121000102"}]}``
* a bare list of events, or a single event, with code and data in one number: ``[{"eventCode": "0x0B070000", ...}]``
"""

import re
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engage_server.protocol.json_body import Json

MAX_EVENTS = 20_000  # the default limit for the events read from one upload: far more than a device can store

_CODE_DIGITS = 4
_LISTS = ("audits", "audit", "events", "event", "alerts", "alert", "records", "data")


def _hexadecimal(value: object) -> object:
    """Convert a number or a string, with or without ``0x``, to upper-case digits."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:04X}" if value >= 0 else value
    return value.strip().upper().removeprefix("0X") if isinstance(value, str) else value


Hexadecimal = Annotated[str, BeforeValidator(_hexadecimal), Field(pattern=r"^[0-9A-F]{1,64}$")]


def _event_names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class AuditEventRead(BaseModel):
    """One event. Members other than code, data and time are allowed but ignored.

    Attributes:
        code: Four upper-case hexadecimal digits.
        data: Hexadecimal digits; "" if there are none.
        at: The time by the device's clock, as sent; "" if there is none. The clock may be wrong.
    """

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    code: Hexadecimal = Field(
        validation_alias=_event_names("event", "eventCode", "evnt", "evt", "code", "eventId", "eventType")
    )
    data: Hexadecimal | str = Field("", validation_alias=_event_names("eventData", "evntData", "data", "evtData"))
    at: str = Field(
        "", validation_alias=_event_names("timestamp", "time", "eventTime", "evntTm", "dateTime", "date", "ts", "dt")
    )

    @model_validator(mode="after")
    def _split(self) -> Self:
        """Split a code of more than four digits: the rest is its data."""
        code = self.code.zfill(_CODE_DIGITS)
        if len(code) > _CODE_DIGITS:
            self.data = self.data or code[_CODE_DIGITS:]
        self.code = code[:_CODE_DIGITS]
        if not re.fullmatch("[0-9A-F]{0,64}", self.data):
            self.data = ""
        return self


def events_in(upload: Json) -> list[Json]:
    """The events of an upload in any format, unchanged. An upload without a list is one event."""
    if isinstance(upload, list):
        return upload
    if isinstance(upload, dict):
        by_name: dict[str, Any] = {name.lower(): child for name, child in upload.items()}
        for name in _LISTS:
            if isinstance(by_name.get(name), list):
                return list(by_name[name])
    return [upload]


def read_event(event: Json) -> AuditEventRead | None:
    """Read one event; None if it has no readable code. Such an event is kept anyway."""
    try:
        return AuditEventRead.model_validate(event)
    except ValidationError:
        return None
