"""Why something is done: one field, the same in every body."""

from typing import Annotated

from pydantic import Field

from engage_server.web.api.route import Query

Reason = Annotated[str, Field(max_length=1000, examples=["renewed by pipeline 812"])]
NeededReason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S", examples=["two doors are broken"])]


class ReasonQuery(Query):
    """For a route without a body."""

    reason: Reason = Field("", description="Why, for the audit log.")
