"""Audits and alerts as devices send them, read leniently.

Two shapes are known, and neither is printed in the vendor's public pages, so names are taken from a list and whatever
else is JSON is kept all the same:

* an object with a list of events, each with its code and its data apart:
  ``{"audits": [{"event": "0B07", "eventData": "0000", "timestamp": "20261121000102"}]}``
* a bare list of events, or a single one, with code and data in one number: ``[{"eventCode": "0x0B070000", ...}]``
"""

import re
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engage_server.protocol.json_body import Json

MAX_EVENTS = 20_000  # of one upload that are looked at, unless told otherwise: far more than a device can hold

_CODE_DIGITS = 4
_LISTS = ("audits", "audit", "events", "event", "alerts", "alert", "records", "data")


def _hexadecimal(value: object) -> object:
    """A number or a text, with or without ``0x``, as upper-case digits."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:04X}" if value >= 0 else value
    return value.strip().upper().removeprefix("0X") if isinstance(value, str) else value


Hexadecimal = Annotated[str, BeforeValidator(_hexadecimal), Field(pattern=r"^[0-9A-F]{1,64}$")]


def _event_names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class AuditEventRead(BaseModel):
    """One event. What it holds beside code, data and time is allowed, and not looked at.

    Attributes:
        code: Four upper-case hexadecimal digits.
        data: Hexadecimal digits; "" for none.
        at: The device's own time, as it wrote it; "" for none. Its clock may be wrong.
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
        """A code of more than four digits carries its data behind it."""
        code = self.code.zfill(_CODE_DIGITS)
        if len(code) > _CODE_DIGITS:
            self.data = self.data or code[_CODE_DIGITS:]
        self.code = code[:_CODE_DIGITS]
        if not re.fullmatch("[0-9A-F]{0,64}", self.data):
            self.data = ""
        return self


def events_in(upload: Json) -> list[Json]:
    """The events of an upload, as they came, whatever shape it has. An upload without a list is one event."""
    if isinstance(upload, list):
        return upload
    if isinstance(upload, dict):
        by_name: dict[str, Any] = {name.lower(): child for name, child in upload.items()}
        for name in _LISTS:
            if isinstance(by_name.get(name), list):
                return list(by_name[name])
    return [upload]


def read_event(event: Json) -> AuditEventRead | None:
    """One event with its code, or None where there is none to be read: it is kept all the same."""
    try:
        return AuditEventRead.model_validate(event)
    except ValidationError:
        return None
