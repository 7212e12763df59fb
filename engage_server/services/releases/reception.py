"""Counts of the devices of a site that would accept or refuse one of its releases."""

from dataclasses import dataclass

from engage_server.records import Host, NamedDevice


@dataclass(frozen=True, slots=True)
class Reception:
    """How many devices of a site would accept or refuse one of its releases.

    Devices that are not on the operators' list are counted separately.

    Attributes:
        site: The site's name.
        release: The number of the release.
        devices: How many devices have finished TLS here. All counts below are part of it, except for the last three.
        hold: How many hold the anchor of this release.
        refuse: How many would refuse its chain with each anchor that they may hold. They fail TLS, fetch the new anchor
            and come back.
        may_refuse: How many more would refuse it with one of the anchors that they may hold.
        refusing, not_holding: Some devices that refuse, and of some that hold another anchor.
        unanswered: Hosts of the site that the release's certificate is not valid for. Devices that call them refuse it.
        never_finished: How many were seen but never finished TLS, so that nothing is known about their anchor.
        unseen: How many are on the list but were never seen.
        strangers: How many have finished TLS but are not on the list.
        stuck: How many of those that refuse have refused TLS again and again already, and downloaded nothing.
        is_refused_for_good: Whether even a device with the anchor of this release refuses it: for its host, its length,
            its keys or its dates. Then nobody comes back while it is served.
    """

    site: str
    release: int
    devices: int
    hold: int
    refuse: int
    may_refuse: int
    refusing: tuple[NamedDevice, ...]
    not_holding: tuple[NamedDevice, ...]
    unanswered: tuple[Host, ...]
    never_finished: int
    unseen: int
    strangers: int
    stuck: int = 0
    is_refused_for_good: bool = False

    @property
    def then(self) -> str:
        """What those that refuse do then, as whole sentences. Who did not fetch the anchor before will not now."""
        anchor = f"the anchor of release {self.release}" if self.release else "the anchor of that root"
        by_itself = f"fails TLS once, fetches {anchor} by itself, and comes back."
        if self.is_refused_for_good:
            return "A door refuses it with its own anchor, too. None comes back by itself while it is served."
        if not self.stuck:
            return f"Each {by_itself}"
        to = "it" if self.stuck == 1 else "them"
        closed = f"refused TLS before and fetched no anchor: port 80 is probably closed to {to}."
        if self.stuck >= self.refuse:
            return f"{'It has' if self.refuse == 1 else 'Each of them has'} {closed}"
        return f"{self.stuck} of them {'has' if self.stuck == 1 else 'have'} {closed} Each of the others {by_itself}"

    @property
    def fails_somebody(self) -> bool:
        """Whether at least one device would fail TLS."""
        return self.refuse > 0 or (self.devices > 0 and bool(self.unanswered))

    @property
    def may_fail_somebody(self) -> bool:
        """Whether at least one device fails TLS, or may hold an anchor with which it would."""
        return self.fails_somebody or self.may_refuse > 0
