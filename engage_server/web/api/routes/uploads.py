"""What devices uploaded, for systems that ask again and again."""

from typing import Annotated

from pydantic import Field

from engage_server.as_json.formats import Format, Shape
from engage_server.as_json.uploads import SiteUploadJson, site_upload_json
from engage_server.records import ActorKind
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.folder import Collection
from engage_server.web.api import problem_codes
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.route import Answer, Call, Route

_THIS_HOST = (
    "Uploads are on the host that the device called, and on no other. With several hosts, ask each of them. If the "
    "site's hosts share its files (call_in is shared), one answers for all, with what has reached the database."
)


class UploadQuery(PageQuery):
    """Which uploads."""

    kind: Annotated[Collection | None, Field(description="Only this kind.")] = None


class UploadPageJson(Shape):
    """Uploads of a site, in the order in which they came."""

    items: list[SiteUploadJson]
    """Oldest first. An upload is here once, however often its device sent it."""
    next: Annotated[str, Format("uri-reference")] | None
    """The path and query of the next page. Null: there is nothing more yet."""
    next_cursor: str | None
    """The same for programs that build the query themselves. Null: there is nothing more yet."""
    cursor: str
    """Where the next page begins. After the last page, ask later with it: you get what came since, and all of it."""


def list_uploads(call: Call[UploadQuery, None]) -> Answer[UploadPageJson]:
    """List what devices of a site uploaded."""
    call.services.sites.get(call.site)
    query = call.query
    page = call.services.upload_feed.page(call.site, query.cursor, query.limit, query.kind)
    if query.cursor is not None and call.actor.kind is ActorKind.TOKEN:
        call.services.upload_feed.note_reader(call.site, call.actor.name.removeprefix("token "), query.cursor)
    items = [site_upload_json(each) for each in page.items]
    shown: UploadPageJson = {"items": items, "next": None, "next_cursor": None, "cursor": page.cursor}
    return Answer(shown, next=page.cursor if page.has_more else "")


def list_device_uploads(call: Call[UploadQuery, None]) -> Answer[PageJson[SiteUploadJson]]:
    """List what one device uploaded."""
    call.services.sites.get(call.site)
    query = call.query
    page = call.services.devices.uploads(call.site, call.serial, query.cursor, query.limit, query.kind)
    return page_answer(page, [site_upload_json(each) for each in page.items])


ROUTES = (
    Route(
        method="GET",
        path="/sites/{site}/uploads",
        act=Act.DEVICE_FILES_SEE,
        summary="What a site's devices uploaded, in the order in which it came",
        description="Keep the field cursor, and ask with it again: nothing is missed, and nothing comes twice. About "
        "the newest million uploads are known. A problem 410 says that your cursor is older than these. Uploads that "
        "were imported, or that came before this list began, are in the list of their device only. "
        f"Uploads that an upstream system takes are not kept. {_THIS_HOST}",
        handle=list_uploads,
        answer=UploadPageJson,
        query=UploadQuery,
        tag="devices",
        links={"list_uploads": {"site": "$request.path.site", "cursor": "$response.body#/cursor"}},
        problems=("cursor.invalid", "uploads.forgotten", *problem_codes.OF_FILES),
    ),
    Route(
        method="GET",
        path="/sites/{site}/devices/{serial}/uploads",
        act=Act.DEVICE_FILES_SEE,
        summary="What one device uploaded: kind by kind, oldest first",
        description=f"Imported uploads are here, too. A device that uploaded nothing has an empty list. {_THIS_HOST}",
        handle=list_device_uploads,
        answer=PageJson[SiteUploadJson],
        query=UploadQuery,
        tag="devices",
        problems=("cursor.invalid", "device_files.damaged", *problem_codes.OF_FILES),
    ),
)
