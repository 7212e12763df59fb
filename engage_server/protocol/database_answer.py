"""The database answer: who may open a device's door, and when.

It is read leniently, but an answer that would harm a device is rejected.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from engage_server.errors import BodyInvalid
from engage_server.protocol.json_body import Json

_VERSION = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
# what a device accepts at each place; also our own wording, because pydantic's is for programmers
_A_LIST = "a list, such as []"
_ACCEPTED: dict[tuple[int | str, ...], str] = {
    (): 'an object, such as {"db": {...}, "nxtDbVerTS": "0x1"}',
    ("db",): 'an object, such as {"schedules": [...]}',
    ("db", "usrRcrd"): 'an object, such as {"deleteAll": 1, "delete": [], "update": [], "add": []}',
    ("db", "usrRcrd", "deleteAll"): "1 or 0",
    ("db", "usrRcrd", "delete"): _A_LIST,
    ("db", "usrRcrd", "update"): _A_LIST,
    ("db", "usrRcrd", "add"): _A_LIST,
    ("db", "schedules"): "a list of at least one schedule, or the door would never open",
    ("db", "holidays"): _A_LIST,
    ("dbDwnLdTm",): 'YYYYMMDDHHMMSS: 14 digits, such as "20261126010203"',
    ("nxtDbVerTS",): 'a text of "0x" and up to 16 hexadecimal digits, such as "0x00000000000000AB"',
}
_IDENTITIES = ("usrID", "usrId", "userID", "userId", "id")


def _one_or_more(value: object) -> object:
    """Accept a list or an object that is not empty. Firmware versions differ in which one they use."""
    if not isinstance(value, list | dict) or not value:
        raise ValueError("no schedule")
    return value


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class UserRecords(BaseModel):
    """The users to delete, update and add."""

    model_config = ConfigDict(extra="allow")

    delete_all: bool | int | str | None = Field(None, alias="deleteAll")
    delete: list[Any] | None = None
    update: list[Any] | None = None
    add: list[Any] | None = None


class Database(BaseModel):
    """The member ``db``."""

    model_config = ConfigDict(extra="allow")

    user_records: UserRecords | None = Field(None, alias="usrRcrd")
    schedules: Annotated[Any, BeforeValidator(_one_or_more)]
    holidays: list[Any] | dict[str, Any] | None = None
    auto_unlock: Any = Field(None, alias="autoUnlock")


class DatabaseAnswer(BaseModel):
    """The whole answer. The model only validates it: devices get the original members in the original order."""

    model_config = ConfigDict(extra="allow")

    db: Database
    config: Any = None
    download_time: Annotated[str, BeforeValidator(_digits), Field(pattern=r"^[0-9]{14}$")] | None = Field(
        None, alias="dbDwnLdTm"
    )
    next_version: str = Field(alias="nxtDbVerTS", pattern=r"^0[xX][0-9A-Fa-f]{1,16}$")


def assert_harmless(answer: Json, source: str) -> dict[str, Any]:
    """Return the answer unchanged if it is safe for a device.

    Args:
        answer: From :func:`engage_server.protocol.json_body.read_json`.
        source: The name to use in the error.

    Raises:
        BodyInvalid: It would harm a device. ``schedules`` is missing or empty, or a member has the wrong type, or
            ``nxtDbVerTS`` is not ``0x`` and up to 16 hexadecimal digits. The message names the place and
            what is accepted there, but never quotes the content.
    """
    try:
        DatabaseAnswer.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise BodyInvalid(
            f"{source} cannot be sent to a device: {_told(first)}",
            "Fix it, and import it again.",
        ) from None
    assert isinstance(answer, dict)  # noqa: S101  # the model accepts nothing else
    return answer


def _told(error: ErrorDetails) -> str:
    """What is wrong, and what would be accepted there."""
    where = error["loc"]
    while where not in _ACCEPTED:  # pydantic also names the type that it tried
        where = where[:-1]
    missing = "it is missing; " if error["type"] == "missing" else ""
    return f"{'.'.join(map(str, where)) or 'it'}: {missing}it must be {_ACCEPTED[where]}"


def version_of(text: str) -> int | None:
    """The number in a ``nxtDbVerTS`` or in what a device returns of it (``0``, ``0x...``); None for anything else."""
    stripped = text.strip()
    if _VERSION.fullmatch(stripped):
        return int(stripped, 16)
    return 0 if stripped.strip("0") == "" and stripped else None


def answer_since(
    answer: Mapping[str, Any], earlier: Callable[[int], Mapping[str, Any] | None], since: str
) -> dict[str, Any]:
    """The answer for a device that has an earlier version.

    Schedules, holidays and everything else are always sent completely. Users depend on the device's version:

    * The same version: no users.
    * A known version, and no user was removed since: the users that were added or changed.
    * Anything else: ``deleteAll``, then all users. The format of a single deletion is not published, and a user who
      stays by mistake can open doors.

    An answer without ``deleteAll`` is an increment from the partner's system and is sent unchanged.

    Args:
        answer: The current answer, from :func:`assert_harmless`.
        earlier: Returns the earlier answer of a version, or None. It reads a file, so it is called at most once, and
            only if the result depends on it.
        since: The version that the device sent. Anything unreadable counts as an unknown version.

    Returns:
        A new answer with the members in the order of ``answer``; for ``0`` an unchanged copy of ``answer``.
    """
    version = version_of(since)
    if version == 0:
        return dict(answer)
    if version is not None and version == version_of(str(answer["nxtDbVerTS"])):
        return _with_users(answer, update=[], add=[])
    if not _is_whole(answer):
        return dict(answer)
    known = earlier(version) if version is not None else None
    if known is not None and _is_whole(known):
        before, now = _users_of(known), _users_of(answer)
        if before is not None and now is not None and before.keys() <= now.keys():
            added = [user for key, user in now.items() if key not in before]
            changed = [user for key, user in now.items() if key in before and before[key] != user]
            return _with_users(answer, update=changed, add=added)
    return dict(answer)


def _with_users(answer: Mapping[str, Any], **lists: list[Any]) -> dict[str, Any]:
    """The answer with other user records. Existing members keep their place, and missing ones stay missing."""
    database = dict(answer["db"])
    records = database.get("usrRcrd")
    if records is None:
        return dict(answer)
    changed = {**records, **{name: value for name, value in lists.items() if name in records or value}}
    if "delete" in changed:
        changed["delete"] = []
    changed["deleteAll"] = _nothing_like(records.get("deleteAll"))
    return {**answer, "db": {**database, "usrRcrd": changed}}


def _is_whole(answer: Mapping[str, Any]) -> bool:
    """Whether it deletes all users whom it does not name."""
    value = (answer["db"].get("usrRcrd") or {}).get("deleteAll")
    return value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else bool(value)


def _nothing_like(sample: object) -> bool | int | str:
    """A false value, in the type that this firmware uses."""
    if isinstance(sample, bool):
        return False
    if isinstance(sample, str):
        return "false" if sample.strip().lower() in ("true", "false") else "0"
    return 0


def _users_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The users in a whole answer, by identity; None if they cannot be distinguished."""
    records = answer["db"].get("usrRcrd") or {}
    users: dict[str, Any] = {}
    for user in (*(records.get("update") or ()), *(records.get("add") or ())):
        identity = next((user[name] for name in _IDENTITIES if name in user), None) if isinstance(user, dict) else None
        if identity is None or str(identity) in users:
            return None
        users[str(identity)] = user
    return users
