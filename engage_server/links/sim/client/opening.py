"""Makes an account out of its table: reads contract, map and secret."""

import re
import ssl
from pathlib import Path

from engage_server.errors import SettingsInvalid, UsageError
from engage_server.files import read_file
from engage_server.links.registry.secret_file import SECRET_BYTES, read_secret_file
from engage_server.links.registry.table import Where
from engage_server.links.sim.accounts import AccountTable
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.client.calls import Calls
from engage_server.links.sim.client.clocks import Clocks, real_clocks
from engage_server.links.sim.client.origin import Origin
from engage_server.links.sim.client.tokens import Credentials, TokenSource
from engage_server.links.sim.contract.binding import Binding, bind
from engage_server.links.sim.contract.document import Document, read_document
from engage_server.links.sim.contract.operator_map import Login, OperatorMap, read_map
from engage_server.links.sim.operations import Operation
from engage_server.records import Secret
from engage_server.services.calling_out.host import OutsideHost
from engage_server.services.installation.checkup import Check, Level
from engage_server.services.sites.upstream_address import trust_of

_CONNECTIONS = 8
_MAX_PEM_BYTES = 1024 * 1024
_TOKEN = re.compile(rb"[!-~]+")


def opened(table: AccountTable, clocks: Clocks | None = None) -> ContractAccount:
    """Read what an account needs. The operator is not called.

    Args:
        table: Its table.
        clocks: For tests.

    Raises:
        SettingsInvalid: Contract, map or secret cannot be used. The first fault is raised: see :func:`check_account`.
        NotInstalled: A package of the extra ``sim`` is missing.
    """
    document, operator_map, binding = _bound(table)
    if binding.faults:
        raise binding.faults[0]
    calls = _calls(table, operator_map, clocks or real_clocks())
    return ContractAccount(table.name, document, operator_map, binding.operations, calls)


def check_account(table: AccountTable) -> list[Check]:
    """Check everything that an account needs. The operator is not called.

    Returns:
        One result for each fault, or one that says what the contract offers.
    """
    name = f"sim {table.name}"
    try:
        document, operator_map, binding = _bound(table)
        _calls(table, operator_map, real_clocks())
    except (SettingsInvalid, UsageError) as error:
        return [Check.of_error(name, error)]
    if binding.faults:
        return [Check.of_error(name, each) for each in binding.faults]
    missing = [each.value for each in Operation if each not in binding.operations]
    count = len(binding.operations)
    counted = "1 operation" if count == 1 else f"{count} operations"
    sentence = f"{document.title or document.source}: {counted} can be used"
    if missing:
        sentence += f". Its map has no {', '.join(missing)}"
    return [Check(name, Level.OK, sentence)]


def _bound(table: AccountTable) -> tuple[Document, OperatorMap, Binding]:
    document, operator_map = read_document(table.contract_file), read_map(table.map_file)
    return document, operator_map, bind(document, operator_map)


def _calls(table: AccountTable, operator_map: OperatorMap, clocks: Clocks) -> Calls:
    trust = _trust(table)
    origin = Origin.of(table.base_url)
    host = OutsideHost(origin.base, trust, _CONNECTIONS, table.timeout_seconds)
    tokens = _tokens(table, operator_map.login, trust, clocks)
    return Calls(host, origin, tokens, operator_map.accepted, table.wait_seconds, clocks)


def _trust(table: AccountTable) -> ssl.SSLContext:
    if table.trust_file is None:
        return trust_of("")
    try:
        return trust_of(read_file(table.trust_file, limit=_MAX_PEM_BYTES).decode("ascii", "replace"))
    except UsageError:
        raise table.where.refused(
            f"{table.trust_file} holds no certificates that can be read", "Name a PEM file with CAs.", "trust_file"
        ) from None


def _tokens(table: AccountTable, login: Login, trust: ssl.SSLContext, clocks: Clocks) -> TokenSource:
    if login.way == "bearer":
        secret = _secret(table.token_file, "token_file", table.where)
        if _TOKEN.fullmatch(secret.reveal()) is None:
            raise table.where.refused(
                "it holds no token: that is printable ASCII without spaces", "Correct the file.", "token_file"
            )
        credentials = Credentials(table.name, "", secret, "")
        return TokenSource(login, credentials, None, "", table.timeout_seconds, clocks)
    secret = _secret(table.client_secret_file, "client_secret_file", table.where)
    if not table.token_url:
        raise table.where.refused("the key token_url is missing", 'Add a line: token_url = "https://..."')
    if login.way == "client_credentials" and not table.client_id:
        raise table.where.refused("the key client_id is missing", 'Add a line: client_id = "..."')
    origin = Origin.of(table.token_url)
    host = OutsideHost(origin.base, trust, 1, table.timeout_seconds)
    credentials = Credentials(table.name, table.client_id, secret, table.scope)
    return TokenSource(login, credentials, host, origin.prefix or "/", table.timeout_seconds, clocks)


def _secret(file: Path | None, key: str, where: Where) -> Secret:
    if file is None:
        raise where.refused(f"the key {key} is missing", f'Add a line: {key} = "..."')
    return read_secret_file(file, limit=4 * SECRET_BYTES)
