"""Builds a chain that fits into a device, or reports exactly why it does not fit."""

from datetime import datetime
from pathlib import Path

from engage_server.errors import ChainTooLong
from engage_server.pki.byte_budget import ByteBudget, costs, measure
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.authority import BuiltChain, ChainPlan, build_chain
from engage_server.pki.issuing.succession import AuthorityKeys, Successor, succeed
from engage_server.records import Host, RotationWay, Secret
from engage_server.services.chains.folder import assert_free, write_chain_folder, write_successors

_COSTS_SHOWN = 12


def build_chain_folder(
    folder: Path, plan: ChainPlan, now: datetime, passphrase: Secret | None = None
) -> tuple[BuiltChain, ByteBudget]:
    """Build a chain, measure it, and write it only if it fits.

    Args:
        folder: A new or empty folder.
        plan: Hosts, organization, lifetimes.
        now: The time, timezone-aware.
        passphrase: Encrypts the keys of root and intermediate.

    Raises:
        ChainTooLong: It would not fit into a device. Nothing was written.
        UsageError: A name is too long, or a lifetime is not possible.
        Conflict: The folder is not empty.
        FileNotUsable: It cannot be written.
    """
    assert_free(folder)
    built = build_chain(plan, now)
    budget = measure(built.chain)
    if not budget.fits:
        raise chain_too_long(built.chain, budget)
    write_chain_folder(folder, built, passphrase)
    return built, budget


def chain_too_long(chain: Chain, budget: ByteBudget) -> ChainTooLong:
    """The error for a chain that does not fit. It lists what uses how many bytes, and how to shorten it."""
    found = [cost for cost in costs(chain) if cost.mend]
    lines = [f"  {cost.der_bytes:5} bytes  {cost.count} x {cost.what} ({cost.mend})" for cost in found[:_COSTS_SHOWN]]
    if len(found) > _COSTS_SHOWN:
        rest = sum(cost.der_bytes for cost in found[_COSTS_SHOWN:])
        lines.append(f"  {rest:5} bytes  {len(found) - _COSTS_SHOWN} more")
    rows = ", ".join(f"{row.role} {row.der_bytes}" for row in budget.rows)
    return ChainTooLong(
        f"the chain would have {budget.total} bytes ({rows}), but devices hold {budget.limit}: "
        f"{-budget.left} too many. Nothing was written. What can be shortened:",
        "Leave out hosts that no device calls, or shorten the organization, which is stored six times.",
        rows=lines,
    )


def build_successors(
    folder: Path,
    way: RotationWay,
    current: Chain,
    authority: AuthorityKeys,
    hosts: tuple[Host, ...],
    now: datetime,
    passphrase: Secret | None,
) -> tuple[Successor, ...]:
    """Issue the chains of a rotation, and write them into a new folder if all of them fit into a device.

    Raises:
        NotPossible: A key of the authority is missing.
        CertificateInvalid: The current chain does not allow this way.
        ChainTooLong: A chain does not fit. Nothing was written.
        Conflict: The folder is not empty.
        FileNotUsable: It cannot be written.
    """
    assert_free(folder)
    successors = succeed(way, current, authority, hosts, now)
    for successor in successors:
        budget = measure(successor.chain)
        if not budget.fits:
            raise chain_too_long(successor.chain, budget)
    write_successors(folder, successors, current, passphrase)
    return successors
