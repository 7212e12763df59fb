"""Reads a role and its sites from the fields of a form. The macro ``grant_fields`` writes them."""

from engage_server.errors import UsageError
from engage_server.records import Grant, Role
from engage_server.web.console.visit import Visit

_EVERYWHERE, _TICKED = "all", "ticked"
_MAY = {
    Role.VIEWER: "viewer: sees",
    Role.OPERATOR: "operator: also acts",
    Role.APPROVER: "approver: also approves",
    Role.ADMIN: "admin: also manages sites, people and tokens",
}


def role_options() -> list[tuple[str, str]]:
    """The roles, and what each may."""
    return [(role.value, _MAY[role]) for role in Role]


def where_options() -> list[tuple[str, str]]:
    """Where a role may hold."""
    return [(_EVERYWHERE, "at all sites"), (_TICKED, "only at the sites that are ticked below")]


def read_grant(visit: Visit, form: str) -> Grant:
    """What the fields of a form say.

    Raises:
        UsageError: It names no role or place of the lists. No site is ticked, or some are beside all sites.
    """
    role, where = visit.typed(f"{form}-role"), visit.typed(f"{form}-where")
    if role not in list(Role) or where not in (_EVERYWHERE, _TICKED):
        raise UsageError("the form names no role, or does not say where it holds", "Choose both in the lists.")
    sites = [each.name for each in visit.services.sites.all() if visit.is_ticked(f"{form}-at-{each.name}")]
    if where == _EVERYWHERE:
        _assert_none_ticked(sites)
        return Grant(Role(role))
    if not sites:
        raise UsageError("no site is ticked", "Tick each site where the role holds, or choose all sites.")
    return Grant(Role(role), frozenset(sites))


def _assert_none_ticked(sites: list[str]) -> None:
    """Who ticks sites means them alone: all sites would be more than they meant."""
    if sites:
        raise UsageError(
            "sites are ticked, but 'at all sites' is chosen",
            "Choose 'only at the sites that are ticked below'. Or tick none.",
            code="grant.both",
        )


def grant_version(grant: Grant) -> str:
    """A text that is another one for another grant: a form carries it, so nobody changes what they have not seen."""
    return f"{grant.role} {'*' if grant.sites is None else ' '.join(sorted(grant.sites))}"
