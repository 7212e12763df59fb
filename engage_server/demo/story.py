"""What people did in those nights and days, each act through the services, under their name, with their reason."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from engage_server.composition.operator_side import OperatorSide
from engage_server.demo.calendar import SiteCalendar
from engage_server.demo.doors import Door, Trouble
from engage_server.demo.people import ANNA, BERT, CHRIS, DORA, add_people, add_token, candidate, invite, sign_in
from engage_server.demo.site_acts import SiteActs
from engage_server.demo.sites import CAMPUS, CLINIC, DEPOT
from engage_server.records import GatePolicy, Occasion, RotationWay

Act = Callable[[datetime], None]
_PATIENCE = timedelta(days=2, hours=12)  # that people have with a step of a rotation
_LAST_PATIENCE = timedelta(days=6, hours=12)
_ENOUGH_NIGHTS = 30  # for a renewal before the re-key


_ALL_CAME = "the doors have come through by the link; the porters know that each fails once tonight"
_THOSE_ARE_KNOWN = "the doors that still refuse have port 80 closed; the network team has a ticket for them"


class Story:
    """All acts with their times.

    Args:
        side: The services of the demonstration.
        acts: What is done at one site.
        calendars: Of each site, by its name.
        doors: Of each site, by its name.
        nights: How many nights there are.
    """

    def __init__(
        self,
        side: OperatorSide,
        acts: SiteActs,
        calendars: Mapping[str, SiteCalendar],
        doors: Mapping[str, Sequence[Door]],
        nights: int,
    ) -> None:
        self._side, self._acts, self._doors, self._nights = side, acts, doors, nights
        self._campus, self._clinic, self._depot = (calendars[each.name] for each in (CAMPUS, CLINIC, DEPOT))
        # before the first night of every site, whichever of them begins first
        self._first = min(each.at(-1, 8) for each in calendars.values()) - timedelta(days=1)

    def all(self) -> Iterator[tuple[datetime, Act]]:
        """Every act with its time, in no order."""
        yield from self._founding()
        yield from self._lists()
        yield from self._daily()
        yield from self._rotations()
        yield from self._depot_acts()

    def _founding(self) -> Iterator[tuple[datetime, Act]]:
        access, first = self._side.access, self._first
        yield first, lambda at: add_people(access, at)
        yield first + timedelta(minutes=5), lambda at: sign_in(access, ANNA, at)
        for number, site in enumerate((CAMPUS, CLINIC, DEPOT)):
            yield first + timedelta(minutes=15 + 20 * number), partial(self._acts.found, site)
        yield (
            first + timedelta(hours=2),
            lambda at: invite(access, DORA, Occasion(ANNA, at, reason="she looks after the clinic's doors")),
        )
        yield self._campus.at(1, 9, 10), lambda at: add_token(access, at)
        yield self._campus.at(2, 9, 40), lambda at: self._acts.want_two_persons(at)

    def _lists(self) -> Iterator[tuple[datetime, Act]]:
        """Doors are put on the list the day before they call for the first time."""
        for calendar, site in ((self._campus, CAMPUS), (self._clinic, CLINIC), (self._depot, DEPOT)):
            for since in sorted({door.since for door in self._doors[site.name]}):
                doors = [door for door in self._doors[site.name] if door.since == since]
                at = calendar.at(since - 1, 15) if since else self._first + timedelta(hours=3)
                yield at, partial(self._acts.list_doors, site, doors)

    def _daily(self) -> Iterator[tuple[datetime, Act]]:
        for night in range(0, self._nights - 1, 7):
            yield self._campus.at(night, 8, 50), lambda at: sign_in(self._side.access, BERT, at)
        for night in range(self._nights - 1):
            yield self._campus.at(night, 10), self._look_after_campus
        named = next(door for door in self._doors[CAMPUS.name] if door.trouble is Trouble.BATTERY)
        yield self._campus.at(self._nights // 3, 13, 20), lambda at: self._acts.rename(named, at)
        yield (
            self._campus.at(max(1, self._nights - 6), 14),
            lambda at: self._acts.deliver_databases(self._talkative(), at),
        )

    def _rotations(self) -> Iterator[tuple[datetime, Act]]:
        middle = self._nights // 2 - 1
        yield self._campus.at(middle, 10, 50), lambda at: sign_in(self._side.access, ANNA, at)
        yield (
            self._campus.at(middle, 11),
            lambda at: self._acts.rotate(
                CAMPUS,
                RotationWay.LINKED_REKEY,
                GatePolicy(),
                ANNA,
                "a laptop with the old root's key was lost, so the doors move to a new root",
                at,
            ),
        )
        yield self._clinic.at(self._nights - 3, 10, 45), lambda at: sign_in(self._side.access, BERT, at)
        yield (
            self._clinic.at(self._nights - 3, 11),
            lambda at: self._acts.rotate(
                CLINIC,
                RotationWay.LINKED_REKEY,
                GatePolicy(asks=True),
                BERT,
                "the provider that held the root's key has changed",
                at,
            ),
        )
        if self._nights >= _ENOUGH_NIGHTS:
            yield (
                self._campus.at(self._nights // 4, 11, 30),
                lambda at: self._acts.rotate(
                    CAMPUS, RotationWay.SERVER_RENEWAL, GatePolicy(), BERT, "the yearly renewal", at
                ),
            )

    def _depot_acts(self) -> Iterator[tuple[datetime, Act]]:
        yield self._depot.at(self._nights // 4, 16), lambda at: self._acts.pass_on(DEPOT, at)
        yield self._depot.at(self._nights - 1, 4, 30), lambda at: self._acts.refuse_an_upload(DEPOT, at)
        yield self._campus.at(self._nights - 1, 3, 58), lambda at: self._acts.stranger_calls(CAMPUS, at)

    def _look_after_campus(self, at: datetime) -> None:
        """If the re-key has not gone on for some days, chris looks at what is missing, and approves."""
        rotation = self._side.rotations.open_rotation(CAMPUS.name)
        if rotation is None or rotation.way is not RotationWay.LINKED_REKEY:
            return
        if at - rotation.step_at < (_LAST_PATIENCE if rotation.is_last_step else _PATIENCE):
            return
        reason = _THOSE_ARE_KNOWN if rotation.is_last_step else _ALL_CAME
        sign_in(self._side.access, CHRIS, at - timedelta(minutes=3))
        self._side.rotations.approve(CAMPUS.name, reason, Occasion(CHRIS, at), candidate=candidate(CHRIS))

    def _talkative(self) -> list[Door]:
        found = [door for door in self._doors[CAMPUS.name] if door.is_talkative and not door.since]
        return found[:4]
