"""The checks of accounts at operators of SIMs, and of the links whose SIMs they have. No operator is called."""

from collections.abc import Iterator

from engage_server.errors import EngageError
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.accounts import AccountTable, read_account, read_sim_links
from engage_server.services.installation.checkup import Check


def check_accounts(file: LinksFile) -> Iterator[Check]:
    """Check each table ``[sim.NAME]``: its keys, its contract, its map and its secret.

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


def _of_account(account: AccountTable) -> list[Check]:
    from engage_server.links.sim.client.opening import check_account  # raises NotInstalled without the extra

    return check_account(account)
