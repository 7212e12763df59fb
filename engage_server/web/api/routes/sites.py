"""Sites: see them, and change what needs no key."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from engage_server.as_json.sites import SiteJson, site_json
from engage_server.errors import EngageError, Refused
from engage_server.records import AuditAction, Host, RequiredEvidence, read_network
from engage_server.services.access.permissions import Act, may
from engage_server.services.sites.register import SiteChanges
from engage_server.services.sites.time_zone import read_time_zone
from engage_server.web.api.bodies.failing_doors import Accepting
from engage_server.web.api.bodies.labels import TitleText
from engage_server.web.api.bodies.reasons import Reason
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.route import SEEN, Answer, Call, NoQuery, Route, Scope


def _host(text: str) -> str:
    try:
        Host.parse(text)
    except EngageError as error:
        raise ValueError(error.sentence) from None
    return text


def _network(text: str) -> str:
    try:
        read_network(text)
    except (EngageError, ValueError):
        raise ValueError("a network in CIDR form, such as 10.0.0.0/8") from None
    return text


def _zone(text: str) -> str:
    try:
        return read_time_zone(text)
    except EngageError as error:
        raise ValueError(f"{error.sentence}. {error.next_step}") from None


HostText = Annotated[str, AfterValidator(_host), Field(min_length=1, max_length=255, examples=["locks.example.org"])]
NetworkText = Annotated[str, AfterValidator(_network), Field(max_length=64, examples=["10.20.0.0/16"])]


class SiteChange(Accepting):
    """What to change. A field that is left out stays as it is."""

    hosts: Annotated[list[HostText], Field(min_length=1, max_length=16)] | None = None
    """All host names and addresses that the site's devices call, from now on."""
    device_networks: Annotated[list[NetworkText], Field(max_length=64)] | None = None
    """All networks that its devices may call from. Empty: from anywhere."""
    evidence: RequiredEvidence | None = None
    """What counts in a rotation: `any` finished handshake, or only `authenticated` ones, with a token."""
    title: TitleText | None = None
    """What people call the site. Empty removes it."""
    time_zone: Annotated[str, AfterValidator(_zone), Field(max_length=64, examples=["Europe/Berlin"])] | None = None
    """Where the site is, as the IANA names time zones."""
    reason: Reason = ""
    """Why, for the audit log."""


def version_of_site(call: Call[NoQuery, SiteChange]) -> int:
    """The version of the site in the path."""
    call.services.sites.get(call.site)
    return call.services.access.requests.version(call.site)


def list_sites(call: Call[PageQuery, None]) -> Answer[PageJson[SiteJson]]:
    """List the sites that the caller may see."""
    page = call.services.sites.page(call.query.cursor, call.query.limit)
    seen = [site for site in page.items if may(call.actor, Act.SITE_SEE, site.name)]
    current = call.services.releases.current
    return page_answer(page, [site_json(site, current(site.name)) for site in seen])


def get_site(call: Call[NoQuery, None]) -> Answer[SiteJson]:
    """Return one site."""
    return _shown(call)


def change_site(call: Call[NoQuery, SiteChange]) -> Answer[SiteJson]:
    """Change a site."""
    body, site = call.body, call.services.sites.get(call.site)
    hosts = tuple(map(Host.parse, body.hosts or ()))
    if hosts and not body.accept_failing_doors:
        _assert_nobody_calls(call, [host for host in site.hosts if host not in hosts])
    changes = SiteChanges(
        hosts=hosts,
        device_networks=None if body.device_networks is None else tuple(map(read_network, body.device_networks)),
        evidence=body.evidence,
        title=body.title,
        time_zone=body.time_zone,
    )
    call.services.sites.change(site, changes, body.reason, call.occasion)
    return _shown(call)


def _assert_nobody_calls(call: Call[NoQuery, SiteChange], removed: Sequence[Host]) -> None:
    """Refuse to remove a host that doors call.

    Raises:
        Refused: Doors called one within 30 days (``doors.fail``).
    """
    for host in removed:
        found = call.services.evidence.callers_of_host(call.site, host, call.occasion.now)
        if found.devices:
            doors = "1 door" if found.devices == 1 else f"{found.devices} doors"
            examples = ", ".join(each.title for each in found.examples)
            raise Refused(
                f"{doors} called {host} within 30 days, such as {examples}. They would refuse TLS",
                "Nothing was changed. To do it anyway, send accept_failing_doors: true.",
                code="doors.fail",
            )


def _shown(call: Call[NoQuery, SiteChange] | Call[NoQuery, None]) -> Answer[SiteJson]:
    version = call.services.access.requests.version(call.site)  # first: what is read after it is at least as new
    site = call.services.sites.get(call.site)
    return Answer(site_json(site, call.services.releases.current(call.site)), version)


_SITE = {"site": "$response.body#/site"}

ROUTES = (
    Route(
        method="GET",
        path="/sites",
        act=Act.SITE_SEE,
        summary="The sites that you may see",
        handle=list_sites,
        answer=PageJson[SiteJson],
        query=PageQuery,
        scope=Scope.SOMEWHERE,
        links={"get_site": {"site": "$response.body#/items/0/site"}},
        problems=("cursor.invalid",),
    ),
    Route(
        method="GET",
        path="/sites/{site}",
        act=Act.SITE_SEE,
        summary="One site",
        handle=get_site,
        answer=SiteJson,
        has_etag=True,
        links={
            "change_site": _SITE | SEEN,
            "get_site_status": _SITE,
            "list_releases": _SITE,
            "get_rotation_plan": _SITE,
            "list_rotations": _SITE,
            "list_devices": _SITE,
            "list_uploads": _SITE,
        },
    ),
    Route(
        method="PATCH",
        path="/sites/{site}",
        act=Act.SITE_CHANGE,
        summary="Change a site",
        description="The number of approvals, the way to answer call-ins and the site key are changed on the command "
        "line alone.",
        handle=change_site,
        answer=SiteJson,
        body=SiteChange,
        body_example={"device_networks": ["10.20.0.0/16"], "reason": "the doors have their own network"},
        has_etag=True,
        version=version_of_site,
        writes=AuditAction.SITE_CHANGED,
        problems=("host.invalid", "host.taken", "doors.fail", "evidence.no_token_seen", "rotation.open"),
    ),
)
