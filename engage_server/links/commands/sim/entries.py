"""Groups, networks, profiles, users and charges: printed as the contract has them, because their form is its own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

from engage_server.cli.output import print_json_list, print_table, printable
from engage_server.errors import EngageError, NotFound
from engage_server.links.sim.account import Entry, SimAccount
from engage_server.links.sim.operations import Operation

_MOST_COLUMNS = 7
_WIDEST = 60
_MOST_NAMES = 10
_LOOKED_AT = 50  # entries whose keys become columns


def print_entries(entries: Iterable[Entry], empty: str, *, as_json: bool) -> int:
    """Print entries as they come.

    Args:
        entries: They are consumed one by one.
        empty: The sentence for none.
        as_json: Whether JSON was asked for.

    Returns:
        How many there were.
    """
    counted = _Counted(entries)
    if as_json:
        print_json_list(dict(each) for each in counted)
        return counted.number
    first = list(islice(counted, _LOOKED_AT))
    columns = list(dict.fromkeys(key for each in first for key in each))[:_MOST_COLUMNS]
    print_table(columns, ([_cell(each.get(key)) for key in columns] for each in chain(first, counted)), empty)
    return counted.number


def lists_of(entry: Entry, *words: str) -> Sequence[Entry] | None:
    """The list in an entry whose name has one of these words, such as the rules of a profile.

    None if it has no such list. It may lie one level deeper.
    """
    found = _list_in(entry, words)
    if found is None:
        for value in entry.values():
            if isinstance(value, Mapping) and (found := _list_in(value, words)) is not None:
                break
    if found is None:
        return None
    return [each if isinstance(each, Mapping) else {"value": each} for each in found]


def _list_in(entry: Mapping[str, object], words: Sequence[str]) -> Sequence[object] | None:
    for name, value in entry.items():
        if isinstance(value, list) and any(word in str(name).lower() for word in words):
            return value
    return None


def read_one(
    account: SimAccount, operation: Operation, values: Mapping[str, str], listing: Operation
) -> Sequence[Entry]:
    """Read a network or profile. If there is none of that name, the error names some that there are.

    Args:
        account: The account.
        operation: What reads it.
        values: Which one.
        listing: What lists all of them.

    Raises:
        NotFound: There is none (``sim.not_found``).
    """
    (name,) = values.values()
    try:
        found = list(account.entries(operation, values))
    except NotFound as error:
        raise NotFound(error.sentence, _there_are(account, listing), code=error.code) from None
    if not found:
        raise NotFound(f"account {account.name} has no '{name}'", _there_are(account, listing), code="sim.not_found")
    return found


def _there_are(account: SimAccount, listing: Operation) -> str:
    what = listing.value.partition(".")[0]
    see = f"List them: engage sim list --what {what}"
    try:
        named = (
            [_name(each) for each in islice(account.entries(listing), _MOST_NAMES)] if account.offers(listing) else []
        )
    except EngageError:  # the first error is the one that counts
        return see
    known = ", ".join(filter(None, named))
    return f"It has {known}. {see}" if known else see


def _name(entry: Entry) -> str:
    found = next((entry[key] for key in ("id", "name") if isinstance(entry.get(key), str | int)), "")
    return printable(str(found))


def holds(value: object, secret: object) -> bool:
    """Whether a secret stands anywhere in what an operator answered."""
    if not isinstance(secret, str):
        return False
    if isinstance(value, Mapping):
        return any(holds(each, secret) for each in value.values())
    if isinstance(value, list):
        return any(holds(each, secret) for each in value)
    return secret in str(value)


class _Counted:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = iter(entries)
        self.number = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Entry:
        entry = next(self._entries)
        self.number += 1
        return entry


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
