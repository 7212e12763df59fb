"""How the devices of a site would take one of its releases, in figures."""

from dataclasses import dataclass

from engage_server.records import Host


@dataclass(frozen=True, slots=True)
class Reception:
    """How the devices of a site would take one of its releases. Strangers to the operators' list are counted apart.

    Attributes:
        site: The site's name.
        release: Which.
        devices: How many devices have finished TLS here. All counts below are of these, but for the last three.
        hold: How many hold the anchor of this release.
        refuse: How many would refuse its chain, whatever they hold: they fail TLS, fetch the anchor anew and come back.
        may_refuse: How many more would, if they hold the one of two possible anchors.
        refusing, not_holding: Some of those that refuse, and of those that hold another anchor, by name.
        unanswered: Hosts of the site that the release's certificate is not for: who calls them refuses it, too.
        never_finished: How many were seen, and have never finished TLS: nothing is known of their anchor.
        unseen: How many are on the list, and were never seen.
        strangers: How many have finished TLS and are not on the list.
    """

    site: str
    release: int
    devices: int
    hold: int
    refuse: int
    may_refuse: int
    refusing: tuple[str, ...]
    not_holding: tuple[str, ...]
    unanswered: tuple[Host, ...]
    never_finished: int
    unseen: int
    strangers: int

    @property
    def fails_somebody(self) -> bool:
        """Whether at least one device would fail TLS."""
        return self.refuse > 0 or (self.devices > 0 and bool(self.unanswered))
