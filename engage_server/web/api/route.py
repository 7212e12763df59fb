"""One row of the table of routes. View, permission, OpenAPI document and documentation are all made from it.

1. ``path`` names its parameters in braces: see :mod:`.path_parameters`.
2. ``act`` is asked of the one table of who may do what, for the site in the path.
3. ``version`` makes a change conditional: its caller must send the ETag of what they have seen.
4. ``replayed`` makes a request repeatable: its caller must send an Idempotency-Key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from engage_server.records import Actor, AuditAction, AuditEntry, Occasion
from engage_server.records.occasion import read_reason
from engage_server.services.access.permissions import Act
from engage_server.services.chains.sent.reading import OpenSent
from engage_server.web.api.services import Services

Q = TypeVar("Q", bound="Query")
B = TypeVar("B", bound="Body | bytes | None")
A = TypeVar("A")


class Body(BaseModel):
    """What a request holds. Nothing is converted, and an unknown field is refused.

    The text below a field describes it in the OpenAPI document.

    A default of None means that the field was left out. A caller who sends null is refused: they could mean "remove
    it" as well.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="after")  # an earlier one would make pydantic read texts as Python's, not as JSON's
    @classmethod
    def _never_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "not null")
        return value


class Query(BaseModel):
    """The parameters behind the question mark. An unknown one is refused, and so is one that comes twice."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoQuery(Query):
    """None."""


class Scope(Enum):
    """Where the caller must have the role.

    Attributes:
        SITE: At the site in the path.
        EVERYWHERE: At all sites.
        SOMEWHERE: At any site. The route leaves out what the caller may not see.
        OPEN: Nowhere. Anyone who reaches the listener may call it.
    """

    SITE = "site"
    EVERYWHERE = "everywhere"
    SOMEWHERE = "somewhere"
    OPEN = "open"


SEEN = {"If-Match": "$response.header.ETag"}
"""In :attr:`Route.links`: a change of what the answer shows."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request that may be carried out.

    Attributes:
        services: The services.
        actor: Who calls.
        occasion: Who, when, and under which terms. :meth:`because` adds why.
        path: The path's parameters, by name, read.
        query: The query.
        body: The body. ``bytes`` for a route that reads them itself. None for a route without one.
        open_sent: Opens a chain that was sent, in a process that can be stopped.
        seen: The version that the caller has seen. None: any.
    """

    services: Services
    actor: Actor
    occasion: Occasion
    path: Mapping[str, str | int]
    query: Q
    body: B
    open_sent: OpenSent
    seen: str | None = None

    def because(self, reason: str) -> Occasion:
        """The occasion with the reason that the caller gave.

        Raises:
            UsageError: See :func:`engage_server.records.occasion.read_reason`.
        """
        return self.occasion.because(read_reason(reason))

    @property
    def site(self) -> str:
        """The site in the path."""
        return str(self.path["site"])

    @property
    def number(self) -> int:
        """The number in the path: of a release, or of a rotation."""
        return int(self.path["number"])

    @property
    def serial(self) -> str:
        """The serial number in the path, as 32 upper-case hexadecimal digits."""
        return str(self.path["serial"])


@dataclass(frozen=True, slots=True)
class Answer(Generic[A]):
    """What a route answers.

    Attributes:
        content: As its shape says. None for an answer without content.
        version: Of what the answer shows, for its ETag: see :class:`Route`. "" for no ETag.
        location: The path of what was made, below ``/api/v1``. "" for none.
        next: The cursor of the next page. "" for none.
    """

    content: A
    version: int | str = ""
    location: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class Route(Generic[Q, B, A]):
    """One row of the table.

    Attributes:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: Below ``/api/v1``.
        act: What the caller does.
        summary: One line.
        handle: Does it.
        answer: The shape of the answer: a TypedDict. None for an answer without content.
        query: The shape of the query.
        body: The shape of the body. ``bytes``: one JSON value, which the route reads itself. None: no body.
        scope: Where the caller must have the role.
        status: Of the answer.
        description: What a caller must know beyond the summary.
        problems: Codes of the problems that a caller should expect, beyond those of every route: see
            :mod:`engage_server.web.api.problem_codes`.
        tag: What it is about, for documents.
        has_etag: Whether its answer has an ETag.
        links: Other routes that the answer leads to: for each name, how their parameters are found in the answer, as
            OpenAPI expressions.
        version: Returns the version that a change is compared with. A number is the version of the site: the act's
            transaction compares it once more. "" for what does not exist. None: the route is not conditional.
        writes: The event that completes the act. None if the act writes none.
        replayed: Makes the answer again from the event. None: the route takes no Idempotency-Key.
        body_example: An example of the body.
        body_bytes: The most bytes of the body.
    """

    method: str
    path: str
    act: Act
    summary: str
    handle: Callable[[Call[Q, B]], Answer[A]]
    answer: Any
    query: type[Q] = NoQuery  # type: ignore[assignment]  # what a route without a query has
    body: type[B] | None = None
    scope: Scope = Scope.SITE
    status: int = 200
    description: str = ""
    problems: tuple[str, ...] = ()
    version: Callable[[Call[Q, B]], int | str] | None = None
    writes: AuditAction | None = None
    replayed: Callable[[Call[Q, B], AuditEntry], Answer[A]] | None = None
    tag: str = "sites"
    has_etag: bool = False
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    body_example: Any = None
    body_bytes: int = 256 * 1024

    @property
    def name(self) -> str:
        """Its name in the document: unique, and good for a function of a generated client."""
        return self.handle.__name__
