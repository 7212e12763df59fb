"""One private key serves one purpose in one environment. That is a rule of Telekom's document (section 1)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from engage_server.errors import SettingsInvalid
from engage_server.links.registry.conflicts import public_key_of
from engage_server.links.registry.listeners import HostTable
from engage_server.links.registry.table import Where
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.messages.verifying import Trust
from engage_server.links.telekom.settings import TelekomTable
from engage_server.pki.keys import public_key_der

_SIGNS = "sign_certificate_file"
_TELEKOM_SIGNS = "telekom_sign_certificate_file"


@dataclass(frozen=True, slots=True)
class _Used:
    where: Where
    key: str
    public_key: bytes


def assert_keys_apart(
    table: TelekomTable, where: Where, served: Sequence[Environment], hosts: Sequence[HostTable]
) -> None:
    """Check that no key signs in both environments, and that none signs and is a TLS key, too.

    That the hosts of both environments share no TLS key is checked when ``links.toml`` is read.

    Args:
        table: ``[telekom]``.
        where: Where it stands.
        served: The environments that a host serves. The files of another need not be on this machine.
        hosts: All hosts.

    Raises:
        SettingsInvalid: One key has two purposes, or a certificate for signatures cannot be read.
    """
    signing = list(_signing(table, where, served))
    tls = list(_tls(hosts))
    for number, one in enumerate(signing):
        for other in (*signing[:number], *tls):
            if one.public_key == other.public_key:
                raise one.where.refused(
                    f"[{other.where.table}] has the same private key",
                    "Make a new key for one of them: 'engage telekom csr'.",
                    one.key,
                )


def assert_not_our_own(trust: Trust, table: TelekomTable, environment: Environment, where: Where) -> None:
    """Check that Telekom's certificate is not ours: our own answers could then be sent back to us, and be accepted.

    Raises:
        SettingsInvalid: It is.
    """
    ours = {each.public_key for each in _signing(table, where, [environment])}
    if any(public_key_der(each.public_key()) in ours for each in trust.certificates):
        raise where.below(environment).refused(
            "it is your own certificate", "Name the file of the certificate that Telekom signs with.", _TELEKOM_SIGNS
        )


def _tls(hosts: Sequence[HostTable]) -> Iterator[_Used]:
    for host in hosts:
        with suppress(SettingsInvalid):  # a host without a certificate stops the start elsewhere
            yield _Used(host.where, "", public_key_of(host.certificate_file, host.where, "certificate_file"))


def _signing(table: TelekomTable, where: Where, served: Sequence[Environment]) -> Iterator[_Used]:
    for environment in Environment:
        file = table.of(environment).sign_certificate_file
        if file is None:
            continue
        place = where.below(environment)
        try:
            yield _Used(place, _SIGNS, public_key_of(file, place, _SIGNS))
        except SettingsInvalid:
            if environment in served:
                raise
