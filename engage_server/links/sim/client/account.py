"""An account that calls an operator by its contract. See :class:`~..account.SimAccount`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from engage_server.errors import NotPossible, UpstreamSilent
from engage_server.links.sim.account import Acted, Entry, Values, unannounced
from engage_server.links.sim.client.calls import Calls
from engage_server.links.sim.client.pages import Choice, Page, items_of
from engage_server.links.sim.client.return_codes import Called
from engage_server.links.sim.contract.answers import described, entry, parsed, reached_of, thing_of
from engage_server.links.sim.contract.binding import Bound
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.operator_map import OperatorMap
from engage_server.links.sim.contract.pointers import MISSING, found_at
from engage_server.links.sim.contract.requests import placed_values, written
from engage_server.links.sim.contract.sources import Sources, reads_first
from engage_server.links.sim.contract.validity import Validity
from engage_server.links.sim.operations import SECRET_VALUES, Operation
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.records import Secret

_FILTERS = {"group": "group", "tag": "tags", "state": "state"}


class ContractAccount:
    """Calls one operator's API by its contract. Safe for many threads.

    Args:
        name: The name of its table.
        document: The contract.
        operator_map: The map, which fits the contract.
        bound: Each operation of the map, with that of the contract.
        calls: Makes the calls.
    """

    def __init__(
        self, name: str, document: Document, operator_map: OperatorMap, bound: Mapping[Operation, Bound], calls: Calls
    ) -> None:
        self._name = name
        self._document, self._map, self._bound = document, operator_map, bound
        self._calls = calls
        self._validity = Validity(document)

    @property
    def name(self) -> str:
        """The name of its table in ``links.toml``: ``[sim.NAME]``."""
        return self._name

    def offers(self, operation: Operation) -> bool:
        """Whether the map has this operation."""
        return operation in self._bound

    def word_for(self, state: ThingState) -> str:
        """How the contract spells a state. "" if it has none for it."""
        return str(self._map.words.get("state", {}).get(state.value, ""))

    def things(self, *, group: str = "", tag: str = "", state: ThingState | None = None) -> Iterator[Thing]:
        """All Things that pass, page after page, each one once. They are asked for as they are consumed.

        Raises:
            NotPossible: The contract can neither filter so, nor say what to filter by (``sim.not_offered``).
        """
        wanted = {"group": group, "tag": tag, "state": state.value if state is not None else ""}
        placed = placed_values(self._of(Operation.THINGS_LIST).mapped)
        for name, value in wanted.items():
            if value and name not in placed and not getattr(self._map.thing, _FILTERS[name]):
                raise self._not_offered(f"a filter by {name}")
        sent = {name: value for name, value in wanted.items() if name in placed}
        called = self._called(Operation.THINGS_LIST)
        seen: set[str] = set()
        for item in self._items(Operation.THINGS_LIST, sent, called):
            thing = thing_of(item, self._map, called.where)
            if thing.thing not in seen and _passes(thing, wanted, sent):
                seen.add(thing.thing)
                yield thing

    def thing(self, thing: str) -> Thing:
        """One Thing.

        Raises:
            NotFound: There is none (``sim.not_found``).
        """
        called = self._called(Operation.THINGS_READ, thing)
        return thing_of(self._thing_answer(thing), self._map, called.where)

    def reached(self, thing: Thing) -> Reached:
        """Whether the network reaches it. ``unknown`` if the contract or the Thing lacks what is needed."""
        if not self.offers(Operation.THINGS_REACHABILITY):
            return Reached(Reachability.UNKNOWN)
        bound = self._bound[Operation.THINGS_REACHABILITY]
        known = {"thing": thing.thing, "phone_number": thing.phone_number, "address": thing.address}
        values = {name: value for name, value in known.items() if name in placed_values(bound.mapped) and value}
        if not values and not reads_first(bound.mapped):
            return Reached(Reachability.UNKNOWN)
        content = self._content(Operation.THINGS_REACHABILITY, values, thing.thing)
        return reached_of(found_at(content, bound.mapped.answer), self._map.reached)

    def entries(self, operation: Operation, values: Values | None = None) -> Iterator[Entry]:
        """What a list or a read of anything but Things answers, as it may be shown: bounded, and without secrets."""
        bound, given = self._of(operation), values or {}
        if bound.mapped.paging is not None:
            yield from map(entry, self._items(operation, given, self._called(operation)))
            return
        found = found_at(self._content(operation, given, str(given.get("thing", ""))), bound.mapped.answer)
        if found is not MISSING:
            yield from map(entry, found if isinstance(found, list) else [found])

    def act(self, operation: Operation, values: Values, before_sending: Callable[[], None] = unannounced) -> Acted:
        """Do one write, once. A 202 is waited for.

        Raises:
            UsageError: A value is missing, or its contract does not accept it. Nothing was sent.
            NotPossible: The map has no such operation (``sim.not_offered``). Nothing was sent.
        """
        bound, thing = self._of(operation), str(values.get("thing", ""))
        secrets = [str(values[name]) for name in SECRET_VALUES if name in values]
        called = replace(self._called(operation, thing), secrets=tuple(Secret(each.encode()) for each in secrets))
        request = written(bound, values, self._sources(bound, thing), self._validity)
        written_once = self._calls.write(request, called, before_sending)
        try:
            content = parsed(written_once.answer.body, called.where)
            if not written_once.is_direct:  # it describes the work, and not the Thing
                return Acted(entry(content, secrets), is_accepted=not written_once.is_done)
            item = found_at(content, bound.mapped.answer) if operation.is_of_thing else None
            return Acted(entry(content, secrets), False, *described(item, thing, self._map, called.where))
        except UpstreamSilent as error:
            raise UpstreamSilent(error.sentence, called.look(), code=error.code) from None

    def _of(self, operation: Operation) -> Bound:
        if operation not in self._bound:
            raise self._not_offered(f"the operation {operation}")
        return self._bound[operation]

    def _not_offered(self, what: str) -> NotPossible:
        return NotPossible(
            f"the contract of [sim.{self._name}] has no {what.removeprefix('the ')}, as its map says",
            f"Nothing was sent. If the contract has it, add it to {self._map.where.file}.",
            code="sim.not_offered",
        )

    def _called(self, operation: Operation, thing: str = "") -> Called:
        return Called(self._name, self._of(operation).endpoint.shown, operation.is_write, thing)

    def _sources(self, bound: Bound, thing: str) -> Sources:
        read = self._thing_answer(thing) if reads_first(bound.mapped) else None
        return Sources(self._document, self._map, read)

    def _thing_answer(self, thing: str) -> Any:
        content = self._content(Operation.THINGS_READ, {"thing": thing}, thing)
        return found_at(content, self._of(Operation.THINGS_READ).mapped.answer)

    def _content(self, operation: Operation, values: Values, thing: str) -> Any:
        bound, called = self._of(operation), self._called(operation, thing)
        request = written(bound, values, self._sources(bound, thing), self._validity)
        return parsed(self._calls.read(request, called)[0].body, called.where)

    def _items(self, operation: Operation, values: Values, called: Called) -> Iterator[Any]:
        bound = self._of(operation)

        def ask(choice: Choice) -> Page:
            request = written(bound, values, self._sources(bound, ""), self._validity, choice)
            answer, target = self._calls.read(request, called)
            return Page(parsed(answer.body, called.where), answer.fields, target)

        def follow(address: str, current: str) -> Page:
            answer, target = self._calls.read_address(address, current, called)
            return Page(parsed(answer.body, called.where), answer.fields, target)

        return items_of(bound.mapped, ask, follow, called.where)


def _passes(thing: Thing, wanted: Mapping[str, str], sent: Mapping[str, str]) -> bool:
    """What the contract has no filter for is filtered here. An answer to its own filter is believed."""
    found = {"group": thing.group == wanted["group"], "tag": wanted["tag"] in thing.tags}
    found["state"] = thing.state is not None and thing.state.value == wanted["state"]
    return all(found[name] for name, value in wanted.items() if value and name not in sent)
