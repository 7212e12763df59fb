"""The site key of the installation here, for a virtual lock that was given none."""

from engage_server.cli.session import Session
from engage_server.records import Secret


def own_key(session: Session, site: str | None) -> Secret:
    """The key of this site; None is the only one.

    Raises:
        EngageError: There is no installation here, no such site, or several.
    """
    sites = session.operator_side().sites
    return sites.key(sites.get(site).name)
