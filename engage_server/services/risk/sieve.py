"""What the database is asked for, so that it lets through every door that may be at risk. Pure."""

from engage_server.protocol.event_codes import TROUBLE_CODES
from engage_server.services.risk.doors import is_served
from engage_server.services.risk.known import SiteKnown
from engage_server.store.interface import RiskFilter, TroubleFilter


def everything(known: SiteKnown) -> RiskFilter:
    """All doors that may be at risk, and few others."""
    first = min((each.not_after for each in known.ends if is_served(each)), default=None)
    ending = [(met, each.anchor_ends) for met, each in known.prospects.items() if each.anchor_ends is not None]
    refusing = [met for met, each in known.prospects.items() if each.refuses_served or each.refuses_next]
    return RiskFilter(
        trouble=TroubleFilter(known.now, TROUBLE_CODES),
        met=tuple(dict.fromkeys([*refusing, *(met for met, end in ending if end < known.until)])),
        hosts=known.hosts,
        served=known.served,
        due_after=first if first is not None and known.until <= first else None,
        staying=tuple((met, end) for met, end in ending if end >= known.until),
    )


def urgent(known: SiteKnown) -> RiskFilter:
    """Those that do not come through, and those that would refuse what is served."""
    refusing = tuple(met for met, prospect in known.prospects.items() if prospect.refuses_served)
    return RiskFilter(trouble=TroubleFilter(known.now, TROUBLE_CODES), met=refusing, urgent_only=True)
