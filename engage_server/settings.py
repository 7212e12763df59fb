"""The settings: one table, and where each value comes from.

Default < settings file < environment < command-line option. A setting that is unknown, or has a value that can not be
used, stops the start.
"""

import difflib
import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from engage_server.errors import SettingsInvalid
from engage_server.records import IPNetwork
from engage_server.variables import (
    CONFIG_VARIABLE,
    KEK_VARIABLE,
    RELEASE_KEY_VARIABLE,
    SECRETS_OF_OPERATORS,
)

SETTINGS_FILE = "engage.toml"
ENVIRONMENT_PREFIX = "ENGAGE_"

# Variables that begin like settings and are none: the file's own name, and secrets, which have no place in it.
_OTHER_VARIABLES = {CONFIG_VARIABLE, RELEASE_KEY_VARIABLE, *SECRETS_OF_OPERATORS}

_SQLITE_RELATIVE = "sqlite:///"
_SQLITE_ABSOLUTE = "sqlite:////"


def _networks(value: object) -> object:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    return tuple(ipaddress.ip_network(str(part).strip()) for part in parts if str(part).strip())


Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Networks = Annotated[tuple[IPNetwork, ...], BeforeValidator(_networks)]


class Settings(BaseModel):
    """All settings. Made by :func:`load_settings`; paths in it are absolute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certs_dir: Path = Field(Path("certs"), description="where 'engage init' builds chains")
    data_dir: Path = Field(
        Path("data"), description="where the embedded database, the spool of sightings and the workers' figures lie"
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///data/engage.db"), description="SQLite, or postgresql://USER@HOST/NAME"
    )
    key_encryption_key_file: Path = Field(
        Path("engage.kek"), description=f"opens the sealed secrets; {KEK_VARIABLE} may hold the key instead"
    )
    release_key_file: Path | None = Field(
        None,
        description="opens the private keys of releases alone, for 'engage serve https' on its own; made by 'engage "
        f"key export-release-key', and {RELEASE_KEY_VARIABLE} may hold it instead",
    )
    bind: str = Field("0.0.0.0", description="the address that both instances listen on; '::' for IPv6 and IPv4")  # noqa: S104  # devices call from the network
    http_port: Port = Field(80, description="of the plain HTTP instance")
    https_port: Port = Field(443, description="of the TLS instance; devices can not be told another than 443")
    public_http_port: Port | None = Field(
        None, description="the port in cert_url, where a NAT in front changes it; else http_port"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="processes of each instance; one for each core")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        8, description="threads of each worker, for what is not a device's notice or DER"
    )
    call_in_threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        16, description="threads of each worker for call-ins beside those: each may wait for a partner's system"
    )
    tls_profile: Literal["default", "legacy"] = Field(
        "default", description="default: TLS 1.2 and 1.3; legacy: also 1.0 and 1.1, for the oldest firmware"
    )
    trusted_proxies: Networks = Field(
        (), description="networks whose X-Forwarded-For and X-Forwarded-Host headers are believed"
    )
    handshake_seconds: Seconds = Field(
        30, description="how long a TLS handshake may take, from its first byte to its last"
    )
    header_seconds: Seconds = Field(30, description="how long a request's header may take")
    body_seconds: Seconds = Field(60, description="how long a request's body may take")
    keepalive_seconds: Annotated[int, Field(ge=0, le=600)] = Field(
        15, description="how long a connection stays open for a further request; 0: it does not"
    )
    max_connections: Annotated[int, Field(ge=16, le=1_000_000)] = Field(
        10_000, description="open connections of each worker; with more, the one that waits longest is closed"
    )
    max_connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        5_000, description="the same for one address (of IPv6: one /64); a whole site may stand behind one NAT address"
    )
    max_unfinished_mib: Annotated[int, Field(ge=1, le=100_000)] = Field(
        64,
        description="what requests may take of each worker's memory, from their first octet to the last one of their "
        "answer; with more, the connection is closed that holds most",
    )
    max_handshakes: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1000,
        description="TLS handshakes of each worker that are going on; with more, the one that takes longest is closed",
    )
    max_handshakes_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        750, description="the same for one address (of IPv6: one /64)"
    )
    poll_seconds: Annotated[float, Field(gt=0, le=2)] = Field(
        0.5, description="how often a worker looks for a change in the store"
    )
    gate_seconds: Seconds = Field(
        30, description="how often the operators' instance looks whether a rotation may go on, or has to turn back"
    )
    access_log: bool = Field(True, description="one line for each request, on standard output")
    log_format: Literal["json", "text"] = Field("json", description="the form of all log lines")
    operators_bind: str = Field(
        "127.0.0.1", description="the address that the operators' instance listens on: it is not for devices"
    )
    operators_port: Port = Field(8008, description="of the operators' instance: metrics and health")
    spool_max_mib: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        256, description="what sightings may take on the disk while the database is away; more is lost, and counted"
    )
    upstream_spool_max_mib: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1024,
        description="what audits and alerts may take on the disk while a partner's system is away, and those that it "
        "refused; with more, devices are told to come again",
    )
    device_disk_mib: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        32, description="what one device's files may take on the disk, and its uploads that wait or were refused"
    )
    site_disk_mib: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        10_240, description="what all devices of one site may take on the disk; with more, they are told to come again"
    )
    devices_disk_mib: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        20_480, description="what the devices of all sites may take on the disk"
    )
    disk_reserve_mib: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        256,
        description="what devices leave free on the disk, for operators (at most a tenth of it): below it call-ins are "
        "told to come again, below half of it sightings are lost, and counted; 0: nothing is kept free",
    )
    max_audit_events: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        20_000, description="events of one upload that are looked at; a longer one is kept whole, and not read"
    )
    enroll_per_day: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        2_000,
        description="devices of a site with unknown devices 'enroll' that each host takes in a day (UTC); further ones "
        "are answered as unknown",
    )
    nameless_calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        600,
        description="calls without a serial number that each worker passes on for one address, where unknown devices "
        "are refused; a whole site may stand behind one address",
    )
    sighting_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        90,
        description="how long the database keeps each single thing that devices did; what it proves is kept for good",
    )

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.http_port == self.https_port:
            raise ValueError(f"http_port and https_port are both {self.http_port}")
        if self.operators_port in (self.http_port, self.https_port):
            raise ValueError(f"operators_port is a device listener's: {self.operators_port}")
        return self

    @property
    def spool_dir(self) -> Path:
        """Where sightings lie until they are in the database."""
        return self.data_dir / "spool"

    @property
    def upstream_spool_dir(self) -> Path:
        """Where audits and alerts lie until a partner's system has taken them."""
        return self.spool_dir / "upstream"

    @property
    def disk_book(self) -> Path:
        """Where it stands how much devices take on the disk."""
        return self.spool_dir / "room.json"

    @property
    def enrolled_dir(self) -> Path:
        """Where it stands which unknown devices were taken in today."""
        return self.spool_dir / "enrolled"

    @property
    def metrics_dir(self) -> Path:
        """Where the workers' figures lie; meaningless after a restart."""
        return self.data_dir / "metrics"

    @property
    def cert_url_port(self) -> int:
        """The port that stands in ``cert_url``, on both instances."""
        return self.public_http_port or self.http_port

    def anchored(self, folder: Path) -> Self:
        """These settings with relative paths taken from ``folder``."""
        url = self.database_url.get_secret_value()
        if url.startswith(_SQLITE_RELATIVE) and not url.startswith((_SQLITE_ABSOLUTE, f"{_SQLITE_RELATIVE}:memory:")):
            url = _SQLITE_RELATIVE + str(folder / url.removeprefix(_SQLITE_RELATIVE))
        return self.model_copy(
            update={
                "certs_dir": folder / self.certs_dir,
                "data_dir": folder / self.data_dir,
                "key_encryption_key_file": folder / self.key_encryption_key_file,
                "release_key_file": folder / self.release_key_file if self.release_key_file else None,
                "database_url": SecretStr(url),
            }
        )


def settings_file(option: Path | None, environment: Mapping[str, str], folder: Path) -> tuple[Path, bool]:
    """Which file holds the settings, and whether somebody named it, so that it must exist."""
    named = option or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    return (folder / named, True) if named else (folder / SETTINGS_FILE, False)


def load_settings(
    option: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any], folder: Path
) -> Settings:
    """Collect the settings.

    Args:
        option: The value of ``--config``, or None.
        environment: Usually ``os.environ``.
        overrides: From command-line options; those that are None were not given.
        folder: The current folder, absolute.

    Raises:
        SettingsInvalid: The file is missing or no TOML, or a setting is unknown or can not be used.
    """
    file, named = settings_file(option, environment, folder)
    from_file = _read(file) if named or file.exists() else {}
    from_environment = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _OTHER_VARIABLES
    }
    for source, values in ((str(file), from_file), ("the environment", from_environment)):
        _assert_known(source, values)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate({**from_file, **from_environment, **given})
    except ValidationError as error:
        raise SettingsInvalid(_explained(error, file, from_environment, given), _NEXT) from None
    return settings.anchored(file.parent)


_NEXT = "See 'engage settings' for every setting, its meaning and its default."


def settings_template() -> str:
    """A settings file that changes nothing: every setting with its meaning and default, commented out."""
    lines = ["# Settings of engage-server. Each line shows a default; to change one, take its # away.", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"#{name} = {_toml(field.default)}", ""]
    return "\n".join(lines)


def shown_value(value: object) -> str:
    """A setting's value for people: no password."""
    if isinstance(value, SecretStr):
        without = re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", value.get_secret_value())
        return re.sub(r"([?&]password=)[^&]*", r"\1***", without)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return json.dumps([str(each) for each in value])
    return json.dumps(shown_value(value))


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(
            f"{file}: {error.strerror}", "Name an existing settings file, or run 'engage init' to make one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{file} is not TOML: {error}", "Write each setting as: name = value") from None


def _assert_known(source: str, values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in Settings.model_fields:
            close = difflib.get_close_matches(name, Settings.model_fields, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            shown = name if source != "the environment" else f"{ENVIRONMENT_PREFIX}{name.upper()}"
            raise SettingsInvalid(f"{source}: there is no setting {shown}.{hint}", _NEXT)


def _explained(error: ValidationError, file: Path, environment: Mapping[str, str], given: Mapping[str, Any]) -> str:
    """One line for each bad value, without the value: it may hold a password."""
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        if not each["loc"]:  # two settings that do not go together
            lines.append(f"{file}, the environment and options together: {each['msg'].removeprefix('Value error, ')}")
            continue
        name = str(each["loc"][0])
        source = "an option" if name in given else "the environment" if name in environment else str(file)
        lines.append(f"setting {name} (from {source}): {each['msg'][:1].lower()}{each['msg'][1:]}")
    return "; ".join(lines)
