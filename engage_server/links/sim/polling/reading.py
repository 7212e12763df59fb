"""Reads which accounts are polled, and for which links."""

from collections.abc import Mapping
from datetime import timedelta

from engage_server.links.registry.links_file import LinksFile
from engage_server.links.sim.accounts import AccountTable, open_account, read_accounts, read_sim_links
from engage_server.links.sim.polling.asking import of_account
from engage_server.links.sim.polling.poller import Polled


def polled_accounts(file: LinksFile) -> Mapping[str, AccountTable]:
    """Return the tables of the accounts that are polled: those with a pace, whose SIMs carry a link.

    Raises:
        SettingsInvalid: A table is wrong.
    """
    carrying = {link.account for link in read_sim_links(file)}
    accounts = read_accounts(file)
    return {
        name: table for name, table in accounts.items() if table.poll_every_minutes is not None and name in carrying
    }


def read_polled(file: LinksFile) -> list[Polled]:
    """Open each account that is polled. No operator is called.

    Raises:
        EngageError: A contract, map or secret cannot be used, or a package is missing.
    """
    links = read_sim_links(file)
    expects = {
        link.name: timedelta(minutes=link.expects_every_minutes) if link.expects_every_minutes else None
        for link in file.links.values()
    }
    return [
        Polled(open_account(file, name), of_account(links, expects, name), every_of(table))
        for name, table in polled_accounts(file).items()
    ]


def every_of(table: AccountTable) -> timedelta:
    """Return the pause of an account that is polled."""
    return timedelta(minutes=table.poll_every_minutes or 0)
