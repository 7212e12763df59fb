"""The limits of each kind of device, in one table with units and sources."""

import tomllib
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from engage_server.errors import SettingsInvalid
from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES
from engage_server.pki.keys import RSA_KEY_BITS

_CHAIN_SOURCE = "host server page, important note: NDE and MT20W support a chain of at most 4096 bytes, root included"
_ASSUMED_SOURCE = "assumed from the NDE's published limit; no limit is published for this kind of device"
_KEY_SOURCE = "host server page, note 2: no individual key longer than 2048 bits"


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """The limits of one kind of device.

    Attributes:
        name: The name, as given to ``--profile``.
        chain_der_bytes: The most bytes of DER for the whole chain, root included.
        chain_source: The source of that number.
        rsa_key_bits: The longest RSA key, in bits.
        rsa_key_source: The source of that number.
        rsa_key_bits_at_least: The shortest RSA key that is safe and that OpenSSL's default security level accepts.
        clock_hours: How many hours the device's clock may be wrong; our assumption.
    """

    name: str
    chain_der_bytes: int = MAX_CHAIN_DER_BYTES
    chain_source: str = _CHAIN_SOURCE
    rsa_key_bits: int = RSA_KEY_BITS
    rsa_key_source: str = _KEY_SOURCE
    rsa_key_bits_at_least: int = RSA_KEY_BITS
    clock_hours: int = 24  # hours


NDE = DeviceProfile("nde")
LE = DeviceProfile("le", chain_source=_ASSUMED_SOURCE)
MT20W = DeviceProfile("mt20w")
GATEWAY = DeviceProfile("gateway", chain_source=_ASSUMED_SOURCE)
ANY = DeviceProfile("any")  # what every kind of device accepts: the lowest of each limit

PROFILES = MappingProxyType({profile.name: profile for profile in (NDE, LE, MT20W, GATEWAY, ANY)})

_OWN_SOURCE = "the profile file"
_NUMBERS = {field.name for field in fields(DeviceProfile) if field.type in (int, "int")}


def own_profile(text: str, source: str) -> DeviceProfile:
    """Read a user's own profile: TOML with ``name`` and any of the numbers in :class:`DeviceProfile`.

    Args:
        text: The file's content.
        source: The file's name, for errors.

    Raises:
        SettingsInvalid: It is not TOML, or contains a key or value that a profile cannot have.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{source} is not TOML: {error}", _next()) from None
    for name, value in values.items():
        _assert_usable(source, name, value)
    numbers = {name: value for name, value in values.items() if name in _NUMBERS}
    sources: dict[str, Any] = {}
    if "chain_der_bytes" in numbers:
        sources["chain_source"] = _OWN_SOURCE
    if "rsa_key_bits" in numbers:
        sources["rsa_key_source"] = _OWN_SOURCE
    return replace(ANY, name=str(values.get("name", source)), **numbers, **sources)


def _assert_usable(source: str, name: str, value: object) -> None:
    if name != "name" and name not in _NUMBERS:
        raise SettingsInvalid(f"{source}: {name!r} is not a setting of a profile", _next())
    wanted = str if name == "name" else int
    if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int) and value <= 0):
        kind = "text" if wanted is str else "a positive whole number"
        raise SettingsInvalid(f"{source}: {name} must be {kind}", _next())


def _next() -> str:
    return f"A profile is a TOML file with name and any of: {', '.join(sorted(_NUMBERS))}."
