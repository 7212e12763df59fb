"""The check of a chain that is sent along. It changes nothing, keeps nothing and calls nobody."""

from datetime import timedelta
from threading import BoundedSemaphore
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engage_server.as_json.chain_check import ChainCheckJson, chain_check_json
from engage_server.checks import PROFILES, Circumstances
from engage_server.checks.case import DEFAULT_WARN_DAYS
from engage_server.errors import NotPossible
from engage_server.records import AnchorRole, Host
from engage_server.services.access.permissions import Act, assert_may
from engage_server.services.chains.sent.check import check_sent, read_anchor
from engage_server.web.api.bodies.times import Time
from engage_server.web.api.path_parameters import PATH_PARAMETERS
from engage_server.web.api.route import Answer, Body, Call, NoQuery, Route, Scope
from engage_server.web.api.routes.sites import HostText

_MOST_CHARACTERS = 100_000  # 32 certificates with keys of 8192 bits
_LONGEST_WAIT_SECONDS = 5.0
_MOST_DAYS = 36_525
_one_at_a_time = BoundedSemaphore(1)  # a check can take a second, and other requests want their turn meanwhile

Profile = Literal["nde", "le", "mt20w", "gateway", "any"]
"""The names of :data:`PROFILES`."""


class ChainToCheck(Body):
    """A chain to check, and for which devices. Send either ``site`` or ``hosts``, or neither."""

    pem: str = Field(max_length=_MOST_CHARACTERS)
    """The certificates as PEM, the server's first. The root may be among them. A private key is refused."""
    site: Annotated[str, Field(pattern=f"^{PATH_PARAMETERS['site'].pattern}$", examples=["main"])] | None = None
    """Check it for this site: its hosts, and the role of its anchor."""
    hosts: Annotated[list[HostText], Field(max_length=16)] = []
    """Host names and addresses that devices call. Empty: names are not compared."""
    anchor: Annotated[str, Field(max_length=_MOST_CHARACTERS)] | None = None
    """The certificate that devices hold, as PEM. Without it, the root of the chain."""
    profile: Profile = "any"
    """The kind of device."""
    at: Time | None = None
    """Check validity at this time. Without it, now."""
    warn_days: int = Field(DEFAULT_WARN_DAYS, ge=0, le=_MOST_DAYS)
    """Warn of certificates that end within so many days."""

    @model_validator(mode="after")
    def _one_source_of_hosts(self) -> "ChainToCheck":
        if self.site is not None and self.hosts:
            raise ValueError("either site or hosts")
        return self


def check_chain(call: Call[NoQuery, ChainToCheck]) -> Answer[ChainCheckJson]:
    """Check a chain."""
    at = _circumstances(call)
    if not _one_at_a_time.acquire(timeout=_LONGEST_WAIT_SECONDS):
        raise NotPossible("other chains are being checked", "Send it again later.", code="server.busy")
    try:
        return Answer(chain_check_json(check_sent(call.body.pem, at)))
    finally:
        _one_at_a_time.release()


def _circumstances(call: Call[NoQuery, ChainToCheck]) -> Circumstances:
    body = call.body
    hosts, role = tuple(map(Host.parse, body.hosts)), AnchorRole.ROOT
    if body.site is not None:
        assert_may(call.actor, Act.SITE_SEE, body.site)
        site = call.services.sites.get(body.site)
        hosts, role = site.hosts, site.anchor
    return Circumstances(
        now=body.at or call.occasion.now,
        hosts=hosts,
        anchor=role,
        profile=PROFILES[body.profile],
        warn_within=timedelta(days=body.warn_days),
        anchor_certificate=None if body.anchor is None else read_anchor(body.anchor),
    )


ROUTES = (
    Route(
        method="POST",
        path="/chain-check",
        act=Act.CHAIN_CHECK,
        summary="Check a chain that you send along",
        description="It changes nothing, and keeps nothing of what you send. It makes no connection: to check a live "
        "host, use `engage chain check`.",
        handle=check_chain,
        answer=ChainCheckJson,
        body=ChainToCheck,
        body_example={"pem": "-----BEGIN CERTIFICATE-----\n...", "hosts": ["locks.example.org"]},
        body_bytes=256 * 1024,
        scope=Scope.SOMEWHERE,
        tag="chains",
        problems=("access.site", "site.not_found", "certificate.invalid", "private_key.sent", "server.busy"),
    ),
)
