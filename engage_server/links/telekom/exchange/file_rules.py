"""Rules on the files themselves."""

from collections.abc import Iterator

from engage_server.checks.finding import Finding
from engage_server.links.telekom.exchange.case import Case
from engage_server.links.telekom.exchange.codes import finding


def files_can_be_read(case: Case) -> Iterator[Finding]:
    """Each file of the set can be read."""
    for fault in case.found.faults:
        sentence = fault.sentence.removeprefix(f"{fault.source}: ")
        yield finding("unreadable", sentence, fault.source, fix=fault.next_step)


def files_have_a_place(case: Case) -> Iterator[Finding]:
    """Each file of the set belongs to an item."""
    for source in case.found.unplaced:
        yield finding("unplaced", "it belongs to no item of the sheet", source)
