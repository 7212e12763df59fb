"""What all orders to an operator of SIMs have in common: one audit entry, and then the write."""

import click

from engage_server.cli.output import print_json, print_wrapped, printable
from engage_server.cli.session import Session
from engage_server.errors import NotPossible
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.sim.account import Values
from engage_server.links.sim.operations import Operation
from engage_server.records import AuditAction


def order_once(
    session: Session, chosen: Chosen, operation: Operation, values: Values, action: AuditAction, **facts: str
) -> dict[str, object]:
    """Record what is ordered, and do it once. What the operator answers is returned.

    Args:
        session: This run.
        chosen: The account.
        operation: The write.
        values: Its values. A secret may be among them.
        action: What the audit log calls it.
        facts: What the audit log says of it. Never a secret.

    Raises:
        NotPossible: The map has no such operation. Nothing was recorded or sent.
        EngageError: What the account raises.
    """
    assert_offered(chosen, operation)
    session.operator_side().sim_orders.record(
        action, session.occasion(), chosen.site, account=chosen.account.name, **facts
    )
    return dict(chosen.account.act(operation, values))


def assert_offered(chosen: Chosen, operation: Operation) -> None:
    """Check that the map has an operation, before anything is asked or recorded.

    Raises:
        NotPossible: It has not (``sim.not_offered``).
    """
    if not chosen.account.offers(operation):
        raise NotPossible(
            f"the map of account {chosen.account.name} has no operation {operation}",
            f'If the contract has one, add [operations."{operation}"] to the map.',
            code="sim.not_offered",
        )


def print_answer(answer: dict[str, object], sentence: str, *, as_json: bool) -> None:
    """Print that an order was done, and what the operator answered."""
    if as_json:
        print_json({"done": sentence, "answer": answer})
        return
    if answer.get("accepted") is True:
        print_wrapped("The operator accepted this, and does not say when it is done:", "")
    click.echo(printable(sentence))
    if isinstance(identity := answer.get("id"), str | int):
        click.echo(printable(f"the operator calls it {identity}"))
