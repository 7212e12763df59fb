"""Makes an account out of its table: reads contract, map and secret."""

from engage_server.errors import NotPossible
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import AccountTable


def opened(table: AccountTable) -> SimAccount:
    """Read what an account needs. The operator is not called."""
    raise NotPossible(f"the client for account '{table.name}' is not built yet")
