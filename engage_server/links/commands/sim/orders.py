"""What all orders to an operator of SIMs have in common: an entry in the audit log, the write, and what came of it."""

from collections.abc import Callable, Mapping

import click

from engage_server.cli.output import print_json, print_wrapped, printable
from engage_server.cli.session import Session
from engage_server.errors import EngageError, NotPossible, Refused
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.sim.account import Acted, Values
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.outcomes import OTHERWISE, Outcome, is_accepted, outcome_of, trouble_of
from engage_server.records import AuditAction
from engage_server.services.sims.orders import OrderOutcome


def order_once(
    session: Session,
    chosen: Chosen,
    operation: Operation,
    values: Values,
    action: AuditAction,
    *,
    otherwise: Callable[[Acted], str] = lambda acted: "",
    **facts: str,
) -> Acted:
    """Do one order once, and record it: just before it is sent, and what came of it.

    Args:
        session: This run.
        chosen: The account.
        operation: The write.
        values: Its values. A secret may be among them.
        action: What the audit log calls it.
        otherwise: Says how the answer contradicts the order, although it is a success. "" if it does not.
        facts: What the audit log says of it. Never a secret.

    Raises:
        NotPossible: The map has no such operation. Nothing was recorded or sent.
        Refused: The answer contradicts the order (``sim.otherwise``).
        EngageError: What the account raises.
    """
    assert_offered(chosen, operation)
    order = _Order(session, chosen, operation, action, facts)
    try:
        acted = chosen.account.act(operation, values, order.begin)
    except BaseException as error:
        order.end(*_came_of(error, is_sent=order.is_sent))
        raise
    if found := otherwise(acted):
        order.end(OrderOutcome.OTHERWISE, OTHERWISE)
        raise Refused(f"the operator answered with success, but {found}", "Look before you repeat it.", code=OTHERWISE)
    order.end(OrderOutcome.ACCEPTED if acted.is_accepted else OrderOutcome.DONE)
    return acted


class _Order:
    """One order in the audit log."""

    def __init__(
        self, session: Session, chosen: Chosen, operation: Operation, action: AuditAction, facts: Mapping[str, str]
    ) -> None:
        self._session, self._chosen, self._action = session, chosen, action
        self._operation, self._facts = operation, facts
        self._is_recorded = True
        self.is_sent = False

    def begin(self) -> None:
        """Record the order. If that fails, nothing is sent."""
        self._is_recorded = False
        self._record(self._action)
        self._is_recorded = self.is_sent = True

    def end(self, outcome: OrderOutcome, code: str = "") -> None:
        """Record what came of it. What was sent cannot be taken back, so a database that is away is a warning."""
        if not self._is_recorded:
            return
        try:
            self._record(AuditAction.SIM_ORDER_ENDED, operation=self._operation.value, outcome=outcome.value, code=code)
        except EngageError as error:
            warn(f"the audit log does not say what came of this: {error.sentence}")

    def _record(self, action: AuditAction, **facts: str) -> None:
        chosen = self._chosen
        self._session.operator_side().sim_orders.record(
            action, self._session.occasion(), chosen.site, account=chosen.account.name, **self._facts, **facts
        )


def _came_of(error: BaseException, *, is_sent: bool) -> tuple[OrderOutcome, str]:
    code = error.code if isinstance(error, EngageError) else ""
    if not is_sent:
        return OrderOutcome.NOT_SENT, code
    if isinstance(error, EngageError):
        if is_accepted(trouble_of(error)):
            return OrderOutcome.ACCEPTED, code
        if outcome_of(error) is not Outcome.UNKNOWN:
            return OrderOutcome.REFUSED, code
    return OrderOutcome.NOT_KNOWN, code


def warn(sentence: str) -> None:
    """Print a warning that stops nothing."""
    click.echo(f"warning: {printable(sentence)}", err=True)


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


def print_answer(acted: Acted, sentence: str, *, as_json: bool) -> None:
    """Print that an order was done, and what the operator answered."""
    answer = acted.shown
    if as_json:
        print_json({"done": sentence, "answer": {**answer, **({"accepted": True} if acted.is_accepted else {})}})
        return
    if acted.is_accepted:
        print_wrapped("The operator accepted this, and does not say when it is done:", "")
    click.echo(printable(sentence))
    if isinstance(identity := answer.get("id"), str | int):
        click.echo(printable(f"the operator calls it {identity}"))
