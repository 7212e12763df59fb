"""The audit log: what operators did."""

from typing import Annotated

from pydantic import Field

from engage_server.as_json.audit_log import AuditEntryJson, entry_json
from engage_server.errors import Refused
from engage_server.records import AuditAction, AuditFilter
from engage_server.services.access.permissions import Act, assert_may, may
from engage_server.services.installation.audit_log import without_address
from engage_server.web.api.bodies.times import Time
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.route import Answer, Call, Route, Scope


class AuditQuery(PageQuery):
    """Which entries."""

    site: Annotated[str, Field(max_length=63, pattern="^([a-z0-9][a-z0-9_-]*)?$", examples=["main"])] | None = Field(
        None, description="Only those about this site. Empty: those about no site."
    )
    actor: Annotated[str, Field(min_length=1, max_length=200, examples=["token pipeline"])] | None = Field(
        None, description="Only those of this actor, as the log has the name."
    )
    action: AuditAction | None = Field(None, description="Only this action.")
    since: Time | None = Field(None, description="Only those at this time or later.")
    until: Time | None = Field(None, description="Only those before this time.")


def list_audit_entries(call: Call[AuditQuery, None]) -> Answer[PageJson[AuditEntryJson]]:
    """List entries, newest first."""
    query = call.query
    _assert_may(call)
    actions = () if query.action is None else (query.action,)
    wanted = AuditFilter(query.site, query.actor, actions, query.since, query.until)
    page = call.services.audit.page(wanted, query.cursor, query.limit)
    sees_people = may(call.actor, Act.PEOPLE_SEE)
    return page_answer(page, [entry_json(each if sees_people else without_address(each)) for each in page.items])


def _assert_may(call: Call[AuditQuery, None]) -> None:
    """Refuse what is not of the caller's sites.

    Raises:
        Refused: The caller has a role at some sites, and names none of them (``access.site``).
    """
    site = call.query.site or ""
    if not site and not may(call.actor, Act.AUDIT_SEE):
        raise Refused(
            "the whole audit log needs a role at all sites",
            "Name one of your sites: ?site=NAME. GET /caller lists them.",
            code="access.site",
        )
    assert_may(call.actor, Act.AUDIT_SEE, site)


ROUTES = (
    Route(
        method="GET",
        path="/audit-log",
        act=Act.AUDIT_SEE,
        summary="What operators did, newest first",
        description="A caller with a role at some sites has to name one of them. Only admins see the addresses that "
        "people signed in from. Whether the log is as it was written, `engage audit verify` says.",
        handle=list_audit_entries,
        answer=PageJson[AuditEntryJson],
        query=AuditQuery,
        scope=Scope.SOMEWHERE,
        tag="audit log",
        problems=("access.site", "cursor.invalid"),
    ),
)
