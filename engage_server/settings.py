"""The settings: one table, and where each value comes from.

Default < settings file < environment < command-line option. A setting that is unknown, or has a value that cannot be
used, stops the start.
"""

import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from engage_server.errors import SettingsInvalid
from engage_server.records import IPNetwork
from engage_server.setting_values import Bounds, SecretText, ValueRefused, value_of
from engage_server.variables import (
    CONFIG_VARIABLE,
    KEK_VARIABLE,
    RELEASE_KEY_VARIABLE,
    SECRET_FILES,
    SECRETS_OF_OPERATORS,
    SYSTEM_CONFIG_VARIABLE,
)

SETTINGS_FILE = "engage.toml"
SYSTEM_FILE = Path("/etc/engage-server/engage.toml")
ENVIRONMENT_PREFIX = "ENGAGE_"

# Variables that begin like settings and are none: the file's own name, and secrets, which have no place in it.
_OTHER_VARIABLES = {
    CONFIG_VARIABLE,
    SYSTEM_CONFIG_VARIABLE,
    RELEASE_KEY_VARIABLE,
    *SECRET_FILES,
    *SECRETS_OF_OPERATORS,
}

# Tables that stand in the same file and are read by somebody else: [check] by 'engage chain check'.
_TABLES_OF_OTHERS = ("check",)

_SQLITE_RELATIVE = "sqlite:///"
_SQLITE_ABSOLUTE = "sqlite:////"
_DATABASE_FILE = "engage.db"

Port = Annotated[int, Bounds(ge=1, le=65535)]
Seconds = Annotated[float, Bounds(gt=0, le=600)]
Networks = tuple[IPNetwork, ...]


def setting(default: object, description: str) -> Any:
    """One row of the table."""
    return dataclasses.field(default=default, metadata={"description": description})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Made by :func:`load_settings`; paths in it are absolute."""

    certs_dir: Path = setting(Path("certs"), "where 'engage init' builds chains")
    data_dir: Path = setting(
        Path("data"), "where the embedded database, the spool of sightings and the workers' figures lie"
    )
    database_url: SecretText = setting(
        SecretText("sqlite:///data/engage.db"),
        "SQLite, or postgresql://USER@HOST/NAME; where it is not set, engage.db in data_dir",
    )
    key_encryption_key_file: Path = setting(
        Path("engage.kek"), f"opens the sealed secrets; {KEK_VARIABLE} may hold the key instead"
    )
    release_key_file: Path | None = setting(
        None,
        "opens the private keys of releases alone, for 'engage serve https' on its own; made by 'engage "
        f"key export-release-key', and {RELEASE_KEY_VARIABLE} may hold it instead",
    )
    bind: str = setting("0.0.0.0", "the address that both instances listen on; '::' for IPv6 and IPv4")  # noqa: S104  # devices call from the network
    http_port: Port = setting(80, "of the plain HTTP instance")
    https_port: Port = setting(443, "of the TLS instance; devices cannot be told another than 443")
    public_http_port: Port | None = setting(
        None, "the port in cert_url, where a NAT in front changes it; else http_port"
    )
    workers: Annotated[int, Bounds(ge=1, le=64)] = setting(2, "processes of each instance; one for each core")
    threads: Annotated[int, Bounds(ge=1, le=1024)] = setting(
        8, "threads of each worker, for what is not a device's notice or DER"
    )
    call_in_threads: Annotated[int, Bounds(ge=1, le=1024)] = setting(
        16, "threads of each worker for call-ins beside those: each may wait for a partner's system"
    )
    tls_profile: Literal["default", "legacy"] = setting(
        "default", "default: TLS 1.2 and 1.3; legacy: also 1.0 and 1.1, for the oldest firmware"
    )
    trusted_proxies: Networks = setting((), "networks whose X-Forwarded-For and X-Forwarded-Host headers are believed")
    handshake_seconds: Seconds = setting(30, "how long a TLS handshake may take, from its first byte to its last")
    header_seconds: Seconds = setting(30, "how long a request's header may take")
    body_seconds: Seconds = setting(60, "how long a request's body may take")
    keepalive_seconds: Annotated[int, Bounds(ge=0, le=600)] = setting(
        15, "how long a connection stays open for a further request; 0: it does not"
    )
    max_connections: Annotated[int, Bounds(ge=16, le=1_000_000)] = setting(
        10_000, "open connections of each worker; with more, the one that waits longest is closed"
    )
    max_connections_per_address: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        5_000, "the same for one address (of IPv6: one /64); a whole site may stand behind one NAT address"
    )
    max_unfinished_mib: Annotated[int, Bounds(ge=1, le=100_000)] = setting(
        64,
        "what requests may take of each worker's memory, from their first octet to the last one of their "
        "answer; with more, the connection is closed that holds most",
    )
    max_handshakes: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        1000,
        "TLS handshakes of each worker that are going on; with more, the one that takes longest is closed",
    )
    max_handshakes_per_address: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        750, "the same for one address (of IPv6: one /64)"
    )
    poll_seconds: Annotated[float, Bounds(gt=0, le=2)] = setting(
        0.5, "how often a worker looks for a change in the store"
    )
    gate_seconds: Seconds = setting(
        30, "how often the operators' instance looks whether a rotation may go on, or has to turn back"
    )
    access_log: bool = setting(True, "one line for each request, on standard output")
    log_format: Literal["json", "text"] = setting("json", "the form of all log lines")
    operators_bind: str = setting(
        "127.0.0.1", "the address that the operators' instance listens on: it is not for devices"
    )
    operators_port: Port = setting(8008, "of the operators' instance: metrics and health")
    spool_max_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        256, "what sightings may take on the disk while the database is away; more is lost, and counted"
    )
    upstream_spool_max_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        1024,
        "what audits and alerts may take on the disk while a partner's system is away, and those that it "
        "refused; with more, devices are told to come again",
    )
    device_disk_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        32, "what one device's files may take on the disk, and its uploads that wait or were refused"
    )
    site_disk_mib: Annotated[int, Bounds(ge=1, le=100_000_000)] = setting(
        10_240, "what all devices of one site may take on the disk; with more, they are told to come again"
    )
    devices_disk_mib: Annotated[int, Bounds(ge=1, le=100_000_000)] = setting(
        20_480, "what the devices of all sites may take on the disk"
    )
    disk_reserve_mib: Annotated[int, Bounds(ge=0, le=1_000_000)] = setting(
        256,
        "what devices leave free on the disk, for operators (at most a tenth of it): below it call-ins are "
        "told to come again, below half of it sightings are lost, and counted; 0: nothing is kept free",
    )
    max_audit_events: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        20_000, "events of one upload that are looked at; a longer one is kept whole, and not read"
    )
    enroll_per_day: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        2_000,
        "devices of a site with unknown devices 'enroll' that each host takes in a day (UTC); further ones "
        "are answered as unknown",
    )
    nameless_calls_per_minute: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        600,
        "calls without a serial number that each worker passes on for one address, where unknown devices "
        "are refused; a whole site may stand behind one address",
    )
    sighting_days: Annotated[int, Bounds(ge=1, le=36_500)] = setting(
        90,
        "how long the database keeps each single thing that devices did; what it proves is kept for good",
    )

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
        url = self.database_url.reveal()
        if url.startswith(_SQLITE_RELATIVE) and not url.startswith((_SQLITE_ABSOLUTE, f"{_SQLITE_RELATIVE}:memory:")):
            url = _SQLITE_RELATIVE + str(folder / url.removeprefix(_SQLITE_RELATIVE))
        return dataclasses.replace(
            self,
            certs_dir=folder / self.certs_dir,
            data_dir=folder / self.data_dir,
            key_encryption_key_file=folder / self.key_encryption_key_file,
            release_key_file=folder / self.release_key_file if self.release_key_file else None,
            database_url=SecretText(url),
        )


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, for whoever shows them all."""

    name: str
    default: object
    description: str


def table_of_settings() -> tuple[SettingRow, ...]:
    """Every setting, in the order of the table."""
    return tuple(
        SettingRow(each.name, each.default, each.metadata["description"]) for each in dataclasses.fields(Settings)
    )


def settings_file(option: Path | None, environment: Mapping[str, str], folder: Path) -> tuple[Path, bool]:
    """Which file holds the settings, and whether somebody named it, so that it must exist.

    ``--config``, then ``ENGAGE_CONFIG``, then ``engage.toml`` in the current folder, then the system's; where there is
    none, the one in the current folder, which is not there.
    """
    named = option or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named:
        return folder / named, True
    here, system = folder / SETTINGS_FILE, _system_file(environment)
    return (here if system is None or _is_there(here) or not _is_there(system) else system), False


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
        SettingsInvalid: The file is missing or no TOML, or a setting is unknown or cannot be used.
    """
    file, named = settings_file(option, environment, folder)
    from_file = _read(file) if named or _is_there(file) else {}
    from_environment = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _OTHER_VARIABLES
    }
    for source, values in ((str(file), from_file), ("the environment", from_environment)):
        _assert_known(source, values)
    given = {name: value for name, value in overrides.items() if value is not None}

    def source_of(name: str) -> str:
        return "an option" if name in given else "the environment" if name in from_environment else str(file)

    values = {**from_file, **from_environment, **given}
    settings = _read_values(values, source_of)
    _assert_ports_differ(settings, file)
    anchored = settings.anchored(file.parent)
    return anchored if "database_url" in values else _with_database(anchored)


def _system_file(environment: Mapping[str, str]) -> Path | None:
    text = environment.get(SYSTEM_CONFIG_VARIABLE)
    return SYSTEM_FILE if text is None else Path(text) if text else None


def _is_there(file: Path) -> bool:
    """Also one that this user may not look at: to go on without it would be to look elsewhere for the installation."""
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _with_database(settings: Settings) -> Settings:
    """The embedded database lies in the folder of data; where only an earlier version's place holds one, there."""
    file, before = settings.data_dir / _DATABASE_FILE, Path(settings.database_url.reveal().removeprefix("sqlite:///"))
    place = before if _is_there(before) and not _is_there(file) else file
    return dataclasses.replace(settings, database_url=SecretText(f"{_SQLITE_RELATIVE}{place}"))


_NEXT = "See 'engage settings' for every setting, its meaning and its default."


def settings_template() -> str:
    """A settings file that changes nothing: every setting with its meaning and default, commented out."""
    lines = ["# Settings of engage-server. Each line shows a default; to change one, take its # away.", ""]
    for row in table_of_settings():
        lines += [f"# {row.description}", f"#{row.name} = {_toml(row.default)}", ""]
    return "\n".join(lines)


def shown_value(value: object) -> str:
    """A setting's value for people: no password."""
    if isinstance(value, SecretText):
        without = re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", value.reveal())
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
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise SettingsInvalid(
            f"{file}: {error.strerror}",
            "Run this as its owner, such as root; or name another: --config FILE.",
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            f"{file}: {error.strerror}", "Name an existing settings file, or run 'engage init' to make one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{file} is not TOML: {error}", "Write each setting as: name = value") from None
    return {name: value for name, value in found.items() if name not in _TABLES_OF_OTHERS}


def _assert_known(source: str, values: Mapping[str, Any]) -> None:
    known = [row.name for row in table_of_settings()]
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            shown = name if source != "the environment" else f"{ENVIRONMENT_PREFIX}{name.upper()}"
            raise SettingsInvalid(f"{source}: there is no setting {shown}.{hint}", _NEXT)


def _read_values(values: Mapping[str, Any], source_of: Callable[[str], str]) -> Settings:
    """The settings, or one line for each bad value, without the value: it may hold a password."""
    read, lines = {}, []
    for each in dataclasses.fields(Settings):
        if each.name not in values:
            continue
        try:
            read[each.name] = value_of(each.type, values[each.name])
        except ValueRefused as error:
            lines += [f"setting {each.name} (from {source_of(each.name)}): {why}" for why in error.reasons]
    if lines:
        raise SettingsInvalid("; ".join(lines), _NEXT)
    return Settings(**read)


def _assert_ports_differ(settings: Settings, file: Path) -> None:
    device_ports = (settings.http_port, settings.https_port)
    if settings.http_port == settings.https_port:
        what = f"http_port and https_port are both {settings.http_port}"
    elif settings.operators_port in device_ports:
        what = f"operators_port is a device listener's: {settings.operators_port}"
    else:
        return
    raise SettingsInvalid(f"{file}, the environment and options together: {what}", _NEXT)
