"""Reads a role and its sites from the fields of a form. The macro ``grant_fields`` writes them."""

from engage_server.errors import NotFound, UsageError
from engage_server.records import Grant, Role
from engage_server.web.console.visit import Visit

MOST_TICKS = 60
"""More sites than these are written line by line: so many boxes would make a page that nobody can carry or read."""
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
    return [(_EVERYWHERE, "at all sites"), (_TICKED, "only at the sites that are named below")]


def read_grant(visit: Visit, form: str) -> Grant:
    """What the fields of a form say.

    Raises:
        UsageError: It names no role or place of the lists. No site is named, or some are beside all sites.
        NotFound: There is no site of a name that was written (``site.not_found``).
    """
    role, where = visit.typed(f"{form}-role"), visit.typed(f"{form}-where")
    if role not in list(Role) or where not in (_EVERYWHERE, _TICKED):
        raise UsageError("the form names no role, or does not say where it holds", "Choose both in the lists.")
    sites = _named(visit, form)
    if where == _EVERYWHERE:
        _assert_none_named(sites)
        return Grant(Role(role))
    if not sites:
        raise UsageError("no site is named", "Name each site where the role holds, or choose all sites.")
    return Grant(Role(role), frozenset(sites))


def _named(visit: Visit, form: str) -> list[str]:
    """The sites whose boxes are ticked, and those that were written."""
    every = [each.name for each in visit.services.sites.all()]
    written = visit.typed(f"{form}-sites").replace(",", " ").split()
    unknown = [each for each in written if each not in every]
    if unknown:
        raise NotFound(f"there is no site '{unknown[0][:80]}'", "Correct its name.", code="site.not_found")
    return [*(each for each in every if visit.is_ticked(f"{form}-at-{each}")), *written]


def _assert_none_named(sites: list[str]) -> None:
    """Who names sites means them alone: all sites would be more than they meant."""
    if sites:
        raise UsageError(
            "sites are named, but 'at all sites' is chosen",
            "Choose 'only at the sites that are named below'. Or name none.",
            code="grant.both",
        )


def grant_version(grant: Grant) -> str:
    """A text that is another one for another grant: a form carries it, so nobody changes what they have not seen."""
    return f"{grant.role} {'*' if grant.sites is None else ' '.join(sorted(grant.sites))}"
