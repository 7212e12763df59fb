"""The map of a contract: a TOML file that says which operation of the contract does what, and where each value goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from engage_server.links.registry.table import Between, Where, did_you_mean, parsed_toml, read_table
from engage_server.links.sim.contract.pointers import pointer_complaint
from engage_server.links.sim.operations import Operation

_PAGE = "docs/sim-contracts.md has an example of a map."


class _Pointer:
    """A text that is a JSON Pointer (RFC 6901)."""

    def complaint(self, value: str) -> str:
        return pointer_complaint(value)


Pointer = Annotated[str, _Pointer()]


@dataclass(frozen=True, slots=True)
class Place:
    """What goes to one place of a request.

    Attributes:
        value: One of :data:`~..operations.VALUES`. Or ``read:`` and a pointer into what a read of the Thing answers. Or
            ``always:`` and a text.
        prefix: What precedes it, unless it begins so already.
        joined_by: What stands between the items where the contract wants a text and we have a list.
    """

    value: str
    prefix: str = ""
    joined_by: str = ""


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list continues.

    Attributes:
        by: ``page`` and ``offset`` count, ``cursor`` repeats what an answer gave, ``link`` calls an address.
        parameter: The query parameter with page, offset or cursor.
        first: The number of the first page or item.
        size_parameter: The query parameter with the size of a page; "" if there is none.
        size: How many items a page has at most.
        next_at: Where an answer has the next cursor or address. "" for the header field ``Link``.
        pages_field: The header field with the number of all pages; "" if there is none.
    """

    by: Literal["page", "offset", "cursor", "link"]
    parameter: str = ""
    first: int = 1
    size_parameter: str = ""
    size: Annotated[int, Between(1, 10_000)] = 100
    next_at: Pointer = ""
    pages_field: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One operation, as the map has it. Whether the contract has it so, only :mod:`.binding` knows.

    Attributes:
        operation_id: The name of the operation in the contract, or "".
        method: In lower case; set if there is no name.
        route: The path as the contract writes it; set if there is no name.
        path, query, header: Parameter -> what goes there.
        body: Pointer in the body -> what goes there.
        constants: Pointer in the body -> what always stands there.
        media_type: Of the body; "" for the first JSON type of the contract.
        answer: Where in the answer the item or the list lies.
        paging: How a list continues; None: one answer has all.
    """

    operation_id: str = ""
    method: Literal["", "get", "put", "post", "delete", "patch"] = ""
    route: str = ""
    path: Mapping[str, Place] = field(default_factory=dict)
    query: Mapping[str, Place] = field(default_factory=dict)
    header: Mapping[str, Place] = field(default_factory=dict)
    body: Mapping[str, Place] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    media_type: str = ""
    answer: Pointer = ""
    paging: Paging | None = None


@dataclass(frozen=True, slots=True)
class ThingPlaces:
    """Where an item has what, relative to the item. "" where the contract does not say it."""

    thing: Pointer
    state: Pointer = ""
    iccid: Pointer = ""
    imsi: Pointer = ""
    imei: Pointer = ""
    phone_number: Pointer = ""
    address: Pointer = ""
    is_locked: Pointer = ""
    group: Pointer = ""
    tags: Pointer = ""
    services: Pointer = ""
    is_connected: Pointer = ""
    fields: Mapping[str, Pointer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReachedPlaces:
    """How an answer says whether the network reaches a SIM.

    Attributes:
        reachable: Where true or false stands. "" if only ``by`` says it.
        by: Where a word stands, or a list of words. "" if only ``reachable`` says it.
        at: Where the time stands.
        data, sms, none: The words for each.
    """

    reachable: Pointer = ""
    by: Pointer = ""
    at: Pointer = ""
    data: tuple[str, ...] = ()
    sms: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Login:
    """How a token is got.

    Attributes:
        way: ``client_credentials`` (RFC 6749 section 4.4), ``exchange`` of a secret for a token, or ``bearer``: the
            secret itself is the token.
        client_authentication: Where the client's secret goes (RFC 6749 section 2.3.1).
        grant_type_in: Where ``grant_type`` goes. The RFC has the body.
        body_as: The media type of the body. The RFC has a form.
        secret_at: Where in the body the secret of an exchange goes.
        token_at, lasts_at: Where the answer has the token, and for how many seconds it is good.
        lasts_seconds: For how long it is good if the answer does not say.
    """

    way: Literal["client_credentials", "exchange", "bearer"] = "client_credentials"
    client_authentication: Literal["basic", "body"] = "basic"
    grant_type_in: Literal["body", "query"] = "body"
    body_as: Literal["form", "json"] = "form"
    secret_at: Pointer = "/secret"  # noqa: S105  # a place
    token_at: Pointer = "/access_token"  # noqa: S105  # a place
    lasts_at: Pointer = "/expires_in"
    lasts_seconds: Annotated[float, Between(10, 86_400)] = 300.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """How the address that a 202 names says that the work is done.

    Attributes:
        status_at: Where a word stands. "": a 200 means that it is done.
        done, failed: The words for each. Any other word means that it goes on.
    """

    status_at: Pointer = ""
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _MapKeys:
    thing: ThingPlaces
    operations: Mapping[str, object]
    words: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    reached: ReachedPlaces = field(default_factory=ReachedPlaces)
    login: Login = field(default_factory=Login)
    accepted: Accepted = field(default_factory=Accepted)


@dataclass(frozen=True, slots=True)
class OperatorMap:
    """A whole map.

    Attributes:
        where: The file.
        operations: What it has, with the place of each.
        thing: Where an item has what.
        words: Name of a value -> our word -> the contract's: ``words["state"]["ACTIVE"]``.
        reached: How reachability is said.
        login: How a token is got.
        accepted: How work that was accepted is waited for.
    """

    where: Where
    operations: Mapping[Operation, tuple[Mapped, Where]]
    thing: ThingPlaces
    words: Mapping[str, Mapping[str, Any]]
    reached: ReachedPlaces
    login: Login
    accepted: Accepted


def read_map(path: Path) -> OperatorMap:
    """Read a map. Whether it fits a contract is another question: see :mod:`.binding`.

    Raises:
        SettingsInvalid: It cannot be read, or something in it is unknown or wrong.
    """
    where = Where(path)
    keys = read_table(_MapKeys, parsed_toml(where, "map_file", _PAGE), where)
    operations: dict[Operation, tuple[Mapped, Where]] = {}
    for name, table in keys.operations.items():
        at = where.below("operations").below(name)
        if name not in set(Operation):
            raise at.refused(f"there is no such operation.{did_you_mean(name, Operation)}", "Correct the name.")
        operations[Operation(name)] = (_mapped(table, at), at)
    _assert_words(keys.words, where.below("words"))
    return OperatorMap(where, operations, keys.thing, keys.words, keys.reached, keys.login, keys.accepted)


def _mapped(table: object, where: Where) -> Mapped:
    if not isinstance(table, Mapping):
        raise where.refused("it must be a table", f"Write it as [{where.table}]. {_PAGE}")
    short = {key: _places(table[key], where.below(key)) for key in ("path", "query", "header", "body") if key in table}
    found = read_table(Mapped, {**table, **short}, where)
    if bool(found.operation_id) == bool(found.method and found.route):
        raise where.refused(
            "it needs either operation_id, or method and route",
            "Write operation_id, or where the contract has no such name: method and route.",
        )
    for key, pointers in (("body", found.body), ("constants", found.constants)):
        for pointer in pointers:
            if complaint := pointer_complaint(pointer) or ("" if pointer else "it must name a place in the body"):
                raise where.refused(complaint, 'Write it such as "/status".', key)
    return found


def _places(table: object, where: Where) -> object:
    """``"thing"`` is short for ``{ value = "thing" }``."""
    if not isinstance(table, Mapping):
        return table
    return {name: {"value": each} if isinstance(each, str) else each for name, each in table.items()}


def _assert_words(words: Mapping[str, Mapping[str, object]], where: Where) -> None:
    for name, table in words.items():
        for word, spelt in table.items():
            if not isinstance(spelt, str | int):
                raise where.below(name).refused("it must be a text or a whole number", "Correct the word.", word)
