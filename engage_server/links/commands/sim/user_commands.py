"""``engage sim user``: who may use the operator's API, besides this server."""

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_next
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.links.commands.sim.entries import print_entries
from engage_server.links.commands.sim.orders import assert_offered, order_once, print_answer
from engage_server.links.commands.sim.sim_accounts import account_option, chosen
from engage_server.links.sim.operations import Operation
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act


@click.group(cls=OrderedGroup, order=("list", "add"))
def user() -> None:
    """Users of the account at the operator, and their permissions there.

    A user with administrator rights can add others. The document knows no second account for a user.
    """


@user.command("list", acts=[Act.SIM_USER_SEE], epilog="\b\nExample:\n  engage sim user list")
@account_option
@json_option
@click.pass_obj
def list_users(session: Session, account: str | None, as_json: bool) -> None:
    """List the users, as the contract has them."""
    found = chosen(session, account)
    assert_offered(found, Operation.USERS_LIST)
    print_entries(found.account.entries(Operation.USERS_LIST), "the account has no other user", as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim user add NAME --email ADDRESS --permission WORD")


@user.command(
    acts=[Act.SIM_USER_ADD],
    epilog="\b\nExample:\n  engage sim user add anna --email anna@example.org --permission reader",
)
@click.argument("name", metavar="NAME")
@click.option("--email", required=True, metavar="ADDRESS", help="Where the operator writes to.")
@click.option(
    "--permission", required=True, metavar="WORD", help="One of the levels of your contract, in the words of the map."
)
@account_option
@json_option
@click.pass_obj
def add(session: Session, name: str, email: str, permission: str, account: str | None, as_json: bool) -> None:
    """Add a user with a permission level of the contract. Its password is between the user and the operator."""
    found = chosen(session, account)
    answer = order_once(
        session,
        found,
        Operation.USERS_ADD,
        {"user": name, "email": email, "permission": permission},
        AuditAction.SIM_USER_ORDERED,
        user=name,
        permission=permission,
    )
    print_answer(answer, f"added user {name} with the permission {permission}", as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim user list")
