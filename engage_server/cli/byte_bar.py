"""The byte budget as a table and as a bar: what a chain takes of the room that devices have."""

import click

from engage_server.cli.output import console, print_table
from engage_server.pki.byte_budget import ByteBudget

_WIDTH = 64
_STYLES = {"root": "magenta", "intermediate": "blue", "server": "cyan", "link": "yellow"}
_MARKS = {"root": "R", "intermediate": "I", "server": "S", "link": "L"}


def print_budget(budget: ByteBudget) -> None:
    """A row for each certificate, the sum, what is left, and the bar."""
    rows: list[tuple[object, ...]] = [
        (row.role, row.name, f"{row.der_bytes:>6}", "sent" if row.sent else "not sent, but counted")
        for row in budget.rows
    ]
    rows.append(("sum", "", f"{budget.total:>6}", f"of {budget.limit} that devices hold"))
    rows.append(("left", "", f"{budget.left:>6}", ""))
    link = f"beside a link certificate of {budget.link_certificate_bytes}"
    rows.append(("left then", "", f"{budget.left_with_link:>6}", link))
    rows.append(("sum as PEM", "", f"{budget.pem_bytes:>6}", "if a device counts PEM, not DER"))
    print_table(["certificate", "name", " bytes", ""], rows, "")
    _print_bar(budget)


def _print_bar(budget: ByteBudget) -> None:
    out = console()
    out.print("0 ", end="")
    used = 0
    for row in budget.rows:
        cells = round((used + row.der_bytes) * _WIDTH / budget.limit) - round(used * _WIDTH / budget.limit)
        used += row.der_bytes
        out.print(_MARKS[row.role] * cells, style=_STYLES[row.role], end="")
    link_cells = round(min(budget.left, budget.link_certificate_bytes) * _WIDTH / budget.limit)
    free_cells = _WIDTH - round(used * _WIDTH / budget.limit) - link_cells
    out.print("+" * link_cells, style="yellow", end="")
    out.print("." * max(0, free_cells), style="dim", end="")
    click.echo(f" {budget.limit}\n  R root, I intermediate, S server, + link certificate of a later root, . free")
