"""The database answer: who may open a device's door, and when. Read leniently, but never what would hurt a device."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from engage_server.errors import BodyInvalid
from engage_server.protocol.json_body import Json

_VERSION = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
# in our own words: pydantic's are for programmers
_WRONG = {
    "missing": "it is missing",
    "model_type": "it must be an object",
    "list_type": "it must be a list",
    "dict_type": "it must be an object",
    "string_type": "it must be a text",
    "string_pattern_mismatch": "it has another form than devices know",
}
_IDENTITIES = ("usrID", "usrId", "userID", "userId", "id")


def _one_or_more(value: object) -> object:
    """A list or an object with something in it: firmware differs in which."""
    if not isinstance(value, list | dict) or not value:
        raise ValueError("must hold one schedule at least: with none the door would never open")
    return value


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class UserRecords(BaseModel):
    """Who is to be forgotten, changed and added."""

    model_config = ConfigDict(extra="allow")

    delete_all: bool | int | str | None = Field(None, alias="deleteAll")
    delete: list[Any] | None = None
    update: list[Any] | None = None
    add: list[Any] | None = None


class Database(BaseModel):
    """The child ``db``."""

    model_config = ConfigDict(extra="allow")

    user_records: UserRecords | None = Field(None, alias="usrRcrd")
    schedules: Annotated[Any, BeforeValidator(_one_or_more)]
    holidays: list[Any] | dict[str, Any] | None = None
    auto_unlock: Any = Field(None, alias="autoUnlock")


class DatabaseAnswer(BaseModel):
    """The whole answer. Only judges: what goes out are the children as they were written, in their order."""

    model_config = ConfigDict(extra="allow")

    db: Database
    config: Any = None
    download_time: Annotated[str, BeforeValidator(_digits), Field(pattern=r"^[0-9]{14}$")] | None = Field(
        None, alias="dbDwnLdTm"
    )
    next_version: str = Field(alias="nxtDbVerTS", pattern=r"^0[xX][0-9A-Fa-f]{1,16}$")


def assert_harmless(answer: Json, source: str) -> dict[str, Any]:
    """The answer itself, if a device can be given it.

    Args:
        answer: From :func:`engage_server.protocol.json_body.read_json`.
        source: What to call it in the error.

    Raises:
        BodyInvalid: It would hurt a device: ``schedules`` is missing or empty, or ``nxtDbVerTS`` is not ``0x`` and up
            to 16 hexadecimal digits, or a list is none. The sentence names the place, and repeats nothing.
    """
    try:
        DatabaseAnswer.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise BodyInvalid(
            f"{source} cannot be given to a device: {place}: {_WRONG.get(first['type']) or _own(first['msg'])}",
            "Fix it, and import it again: engage device import",
        ) from None
    assert isinstance(answer, dict)  # noqa: S101  # the model takes nothing else
    return answer


def _own(message: str) -> str:
    """A sentence of ours, without what pydantic puts before it."""
    return message.removeprefix("Value error, ")


def version_of(text: str) -> int | None:
    """The number of a ``nxtDbVerTS``, or of what a device gives back of it (``0``, ``0x...``); None for all else."""
    stripped = text.strip()
    if _VERSION.fullmatch(stripped):
        return int(stripped, 16)
    return 0 if stripped.strip("0") == "" and stripped else None


def answer_since(
    answer: Mapping[str, Any], earlier: Callable[[int], Mapping[str, Any] | None], since: str
) -> dict[str, Any]:
    """What a device gets that holds an earlier version.

    Schedules, holidays and all else go out whole each time. Of users: nothing to who holds this version; what was added
    and changed, where the version that it holds is known and nobody was taken off since; else all, after
    ``deleteAll``: how a single deletion is written is not published, and a user who stays by mistake opens doors.
    An answer that does not say ``deleteAll`` is an increment that the partner's system made: it goes out as it is.

    Args:
        answer: The present answer, harmless.
        earlier: Gives the earlier answer of a version, or None. Called only where it changes what goes out, and once:
            it reads a file.
        since: What the device said; anything unreadable counts as a version that nobody knows.

    Returns:
        A new answer, its children in the order of ``answer``; for ``0`` just what ``answer`` says.
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
    """The answer with other user records; children that are there keep their place, missing ones are not added."""
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
    """Whether it takes off everybody whom it does not name."""
    value = (answer["db"].get("usrRcrd") or {}).get("deleteAll")
    return value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else bool(value)


def _nothing_like(sample: object) -> bool | int | str:
    """No, in the type that this firmware uses."""
    if isinstance(sample, bool):
        return False
    if isinstance(sample, str):
        return "false" if sample.strip().lower() in ("true", "false") else "0"
    return 0


def _users_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The users that a whole answer gives, by identity; None if they cannot be told apart."""
    records = answer["db"].get("usrRcrd") or {}
    users: dict[str, Any] = {}
    for user in (*(records.get("update") or ()), *(records.get("add") or ())):
        identity = next((user[name] for name in _IDENTITIES if name in user), None) if isinstance(user, dict) else None
        if identity is None or str(identity) in users:
            return None
        users[str(identity)] = user
    return users
