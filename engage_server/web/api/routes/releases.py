"""Releases: staged by sending a chain, then activated, rolled back, retired or dropped."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from engage_server.as_json.releases import CheckedReleaseJson, ReleaseJson, checked_release_json, release_json
from engage_server.records import AuditAction, AuditEntry
from engage_server.services.access.permissions import Act
from engage_server.web.api.bodies.failing_doors import Accepting
from engage_server.web.api.bodies.reasons import Reason, ReasonQuery
from engage_server.web.api.bodies.sent_chain import SentChain
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.problem_codes import OF_CHAINS, OF_SERVING
from engage_server.web.api.route import SEEN, Answer, Body, Call, NoQuery, Route


class ChainToStage(SentChain):
    """A chain to stage."""

    reason: Reason = ""
    """Why, for the audit log."""


def _with_other_names_refused(schema: dict[str, Any]) -> None:
    """Say of a mapping's names and values what pydantic does: its own words would let other names have any value."""
    ((pattern, values),) = schema.pop("patternProperties").items()
    schema["propertyNames"] = {**schema.get("propertyNames", {}), "pattern": pattern}
    schema["additionalProperties"] = values


class ReleaseActivation(Accepting):
    """Under which conditions to serve a release."""

    overrides: dict[
        Annotated[str, Field(max_length=64, pattern="^[a-z0-9_.]+$")],
        Annotated[str, Field(min_length=1, max_length=500)],
    ] = Field({}, max_length=32, examples=[{}], json_schema_extra=_with_other_names_refused)
    """Errors that you accept: the code of each, with the reason. The audit log keeps them."""
    reason: Reason = ""
    """Why, for the audit log."""


class ReleaseRetirement(Body):
    """Why a release is retired."""

    reason: Reason = ""
    """Why, for the audit log."""


def version_of_site(call: Call[Any, Any]) -> int:
    """The version of the site in the path."""
    call.services.sites.get(call.site)
    return call.services.access.requests.version(call.site)


def version_of_release(call: Call[Any, Any]) -> int:
    """The version of the site, if the release in the path exists."""
    call.services.releases.one(call.site, call.number)
    return call.services.access.requests.version(call.site)


def list_releases(call: Call[PageQuery, None]) -> Answer[PageJson[ReleaseJson]]:
    """List a site's releases."""
    page = call.services.releases.page(call.site, call.query.cursor, call.query.limit)
    return page_answer(page, [release_json(each) for each in page.items])


def get_release(call: Call[NoQuery, None]) -> Answer[CheckedReleaseJson]:
    """Return one release, checked now."""
    return _shown(call, call.number)


def stage_release(call: Call[NoQuery, ChainToStage]) -> Answer[CheckedReleaseJson]:
    """Stage a chain."""
    body = call.body
    checked = call.services.releases.stage(body.material(call.open_sent), call.site, call.because(body.reason))
    return _made(call, checked.release.number)


def stage_release_again(call: Call[NoQuery, ChainToStage], entry: AuditEntry) -> Answer[CheckedReleaseJson]:
    """Return the release that was staged."""
    return _made(call, int(entry.event.facts["release"]))


def activate_release(call: Call[NoQuery, ReleaseActivation]) -> Answer[CheckedReleaseJson]:
    """Serve a release."""
    _assert_no_door_fails(call, call.number)
    overrides = call.body.overrides
    call.services.releases.activate(call.site, call.number, overrides, call.because(call.body.reason))
    return _shown(call, call.number)


def roll_back_release(call: Call[NoQuery, ReleaseActivation]) -> Answer[CheckedReleaseJson]:
    """Serve the release before again."""
    body, before = call.body, call.services.releases.before(call.site)
    if before is not None:
        _assert_no_door_fails(call, before)
    checked = call.services.releases.roll_back(call.site, body.overrides, body.reason, call.because(body.reason))
    return _shown(call, checked.release.number)


def retire_release(call: Call[NoQuery, ReleaseRetirement]) -> Answer[ReleaseJson]:
    """Destroy a release's key."""
    reason = call.body.reason
    call.services.releases.retire(call.site, call.number, reason, call.because(reason))
    version = call.services.access.requests.version(call.site)
    return Answer(release_json(call.services.releases.one(call.site, call.number)), version)


def drop_release(call: Call[ReasonQuery, None]) -> Answer[None]:
    """Remove a release."""
    reason = call.query.reason
    call.services.releases.drop(call.site, call.number, reason, call.because(reason))
    return Answer(None)


def _assert_no_door_fails(call: Call[NoQuery, ReleaseActivation], number: int) -> None:
    """Refuse what doors would refuse, unless the caller accepts that.

    Raises:
        NotFound: There is no such site or release.
        Refused: Doors would refuse TLS (``doors.fail``).
    """
    if call.body.accept_failing_doors or call.services.releases.current(call.site) == number:
        return
    call.body.assert_wanted(call.services.held_anchors.reception(call.site, number, call.occasion.now))


def _made(call: Call[Any, Any], number: int) -> Answer[CheckedReleaseJson]:
    return replace(_shown(call, number), location=f"/sites/{call.site}/releases/{number}")


def _shown(call: Call[Any, Any], number: int) -> Answer[CheckedReleaseJson]:
    version = call.services.access.requests.version(call.site)  # first: what is read after it is at least as new
    return Answer(checked_release_json(call.services.releases.check(call.site, number, call.occasion)), version)


_THIS = {"site": "$response.body#/site", "number": "$response.body#/number"}
_FIRST = {"site": "$response.body#/items/0/site", "number": "$response.body#/items/0/number"}
_CHANGES = {"activate_release": _THIS | SEEN, "retire_release": _THIS | SEEN, "drop_release": _THIS | SEEN}

ROUTES = (
    Route(
        method="GET",
        path="/sites/{site}/releases",
        act=Act.RELEASE_SEE,
        summary="A site's releases, newest first",
        handle=list_releases,
        answer=PageJson[ReleaseJson],
        query=PageQuery,
        tag="releases",
        links={"get_release": _FIRST},
        problems=("cursor.invalid",),
    ),
    Route(
        method="POST",
        path="/sites/{site}/releases",
        act=Act.RELEASE_STAGE,
        summary="Stage a chain as the site's next release",
        description="The chain is checked and its key is sealed. Nothing is served before it is activated. A release "
        "with errors is staged, too: its findings say what keeps it from going live. A file or key that takes more "
        "than 5 seconds of computing to open is refused.",
        handle=stage_release,
        answer=CheckedReleaseJson,
        body=ChainToStage,
        body_example={"pem": "-----BEGIN CERTIFICATE-----\n...", "reason": "renewed by pipeline 812"},
        status=201,
        tag="releases",
        has_etag=True,
        writes=AuditAction.RELEASE_STAGED,
        replayed=stage_release_again,
        links={"get_release": _THIS, **_CHANGES},
        problems=("release.exists", *OF_CHAINS, "server.busy"),
    ),
    Route(
        method="GET",
        path="/sites/{site}/releases/{number}",
        act=Act.RELEASE_SEE,
        summary="One release, with its bytes and today's findings",
        handle=get_release,
        answer=CheckedReleaseJson,
        tag="releases",
        has_etag=True,
        links=_CHANGES,
        problems=("release.not_found",),
    ),
    Route(
        method="POST",
        path="/sites/{site}/releases/{number}/activate",
        act=Act.RELEASE_ACTIVATE,
        summary="Serve a release from now on",
        description="Every server follows within two seconds. To activate the current release changes nothing.",
        handle=activate_release,
        answer=CheckedReleaseJson,
        body=ReleaseActivation,
        body_example={"reason": "renewed by pipeline 812"},
        tag="releases",
        has_etag=True,
        version=version_of_release,
        writes=AuditAction.RELEASE_ACTIVATED,
        problems=(
            "release.not_found",
            "release.changed",
            "rotation.open",
            "approval.missing",
            *OF_SERVING,
        ),
    ),
    Route(
        method="POST",
        path="/sites/{site}/releases/rollback",
        act=Act.RELEASE_ROLL_BACK,
        summary="Serve again what was served before",
        handle=roll_back_release,
        answer=CheckedReleaseJson,
        body=ReleaseActivation,
        body_example={"reason": "the readers on floor 3 do not come through"},
        tag="releases",
        has_etag=True,
        version=version_of_site,
        writes=AuditAction.RELEASE_ROLLED_BACK,
        problems=("release.nothing_before", "rotation.open", *OF_SERVING),
    ),
    Route(
        method="POST",
        path="/sites/{site}/releases/{number}/retire",
        act=Act.RELEASE_RETIRE,
        summary="Destroy the private key of a former release",
        description="Nobody can go back to it afterwards. Its anchor stays downloadable for devices.",
        handle=retire_release,
        answer=ReleaseJson,
        body=ReleaseRetirement,
        body_example={"reason": "all doors hold the new anchor"},
        tag="releases",
        has_etag=True,
        version=version_of_release,
        writes=AuditAction.RELEASE_RETIRED,
        problems=("release.not_found", "release.in_rotation", "release.current", "release.retired"),
    ),
    Route(
        method="DELETE",
        path="/sites/{site}/releases/{number}",
        act=Act.RELEASE_DROP,
        summary="Remove a release that was never served",
        handle=drop_release,
        answer=None,
        query=ReasonQuery,
        status=204,
        tag="releases",
        version=version_of_release,
        writes=AuditAction.RELEASE_DROPPED,
        problems=("release.not_found", "release.served", "release.in_rotation"),
    ),
)
