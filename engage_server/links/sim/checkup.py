"""The checks of accounts at operators of SIMs, and of the links whose SIMs they have."""

from collections.abc import Iterator

from engage_server.errors import EngageError
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import AccountTable, open_account, read_account, read_sim_links
from engage_server.links.sim.operations import Operation
from engage_server.services.installation.checkup import Check, Level


def check_accounts(file: LinksFile) -> Iterator[Check]:
    """Check each table ``[sim.NAME]``: its keys, its contract, its map and its secret. No operator is called.

    Args:
        file: ``links.toml``, read.
    """
    for name in file.sim:
        try:
            yield from _of_account(read_account(file, name))
        except EngageError as error:
            yield Check.of_error(f"sim {name}", error)
    try:
        read_sim_links(file)
    except EngageError as error:
        yield Check.of_error("sim links", error)


def call_accounts(file: LinksFile) -> Iterator[Check]:
    """Ask each operator for a token and for the first page of SIMs. Nothing is changed there.

    Args:
        file: ``links.toml``, read.
    """
    for name in file.sim:
        try:
            yield _called(f"sim {name} call", open_account(file, name))
        except EngageError as error:
            yield Check.of_error(f"sim {name} call", error)


def _called(check: str, account: SimAccount) -> Check:
    if not account.offers(Operation.THINGS_LIST):
        return Check(
            check, Level.WARNING, "nothing was asked: its map has no things.list", "Add it, if the contract has it."
        )
    first = next(account.things(), None)
    if first is None:
        return Check(check, Level.WARNING, "the operator answers, and the account has no SIM", "Ask the operator.")
    if first.state is None:
        sentence = (
            f"the operator answers. SIM {first.thing} is in the state '{first.word}', which the map does not know"
        )
        return Check(
            check, Level.WARNING, sentence, "Add the word to [words.state] of the map, if it is one of the four."
        )
    return Check(check, Level.OK, f"the operator answers. SIM {first.thing} is {first.state}")


def _of_account(account: AccountTable) -> list[Check]:
    from engage_server.links.sim.client.opening import check_account  # raises NotInstalled without the extra

    return check_account(account)
