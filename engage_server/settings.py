"""The settings: one table, and where each value comes from.

Default < settings file < environment < command-line option. An unknown setting, or a value that cannot be used, stops
the start.
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from engage_server import setting_conflicts
from engage_server.errors import SettingsInvalid
from engage_server.records import Host, IPNetwork
from engage_server.setting_folders import Folders, setting
from engage_server.setting_values import Bounds, SecretText, ValueRefused, command_under, value_of
from engage_server.settings_file import is_there, read_settings_file, settings_file
from engage_server.variables import (
    CONFIG_VARIABLE,
    KEK_VARIABLE,
    RELEASE_KEY_VARIABLE,
    SECRET_FILES,
    SECRETS_OF_OPERATORS,
    SYSTEM_CONFIG_VARIABLE,
)

ENVIRONMENT_PREFIX = "ENGAGE_"

# Variables that begin like settings but are not: the settings file's name, and secrets, which do not belong in a file.
_OTHER_VARIABLES = {
    CONFIG_VARIABLE,
    SYSTEM_CONFIG_VARIABLE,
    RELEASE_KEY_VARIABLE,
    *SECRET_FILES,
    *SECRETS_OF_OPERATORS,
}

_SQLITE_RELATIVE = "sqlite:///"
_SQLITE_ABSOLUTE = "sqlite:////"
DATABASE_FILE = "engage.db"

Port = Annotated[int, Bounds(ge=1, le=65535)]
Seconds = Annotated[float, Bounds(gt=0, le=600)]
Networks = tuple[IPNetwork, ...]
Hosts = tuple[Host, ...]
Words = tuple[str, ...]

SITES_OWN = Path("site")  # for operators_tls_certificate: no file, but the current release


@dataclass(frozen=True, kw_only=True)
class Settings(Folders):
    """All settings. :func:`load_settings` makes it; its paths are absolute."""

    database_url: SecretText = setting(
        SecretText("sqlite:///data/engage.db"),
        "SQLite, or postgresql://USER@HOST/NAME. If it is not set: engage.db in data_dir.",
    )
    key_encryption_key_file: Path = setting(
        Path("engage.kek"), f"File with the key that opens the sealed secrets. {KEK_VARIABLE} may hold the key instead."
    )
    key_encryption_key_command: Words = setting(
        (),
        "Command that prints that key, as a list of its words, such as one of a vault. It runs without a shell. In the "
        "environment: one text, split into words as a shell does.",
    )
    release_key_file: Path | None = setting(
        None,
        "File with the key that opens only the private keys of releases, for a separate 'engage serve https'. "
        f"'engage key export-release-key' makes it. {RELEASE_KEY_VARIABLE} may hold the key instead.",
    )
    bind: str = setting("0.0.0.0", "Address that both device instances listen on. '::' is IPv6 and IPv4.")  # noqa: S104  # devices call from the network
    http_port: Port = setting(80, "Port of the plain HTTP instance.")
    https_port: Port = setting(443, "Port of the TLS instance. Devices cannot be set to a port other than 443.")
    public_http_port: Port | None = setting(
        None, "Port in cert_url, if a NAT in front of the server changes it. If it is not set: http_port."
    )
    workers: Annotated[int, Bounds(ge=1, le=64)] = setting(2, "Processes of each instance: one for each core.")
    threads: Annotated[int, Bounds(ge=1, le=1024)] = setting(
        8, "Threads of each worker for requests other than those for the notice and the DER."
    )
    call_in_threads: Annotated[int, Bounds(ge=1, le=1024)] = setting(
        16, "Additional threads of each worker for call-ins: each may have to wait for an upstream system."
    )
    tls_profile: Literal["default", "legacy"] = setting(
        "default", "default: TLS 1.2 and 1.3. legacy: also 1.0 and 1.1, for the oldest firmware."
    )
    trusted_proxies: Networks = setting((), "Networks whose X-Forwarded-For and X-Forwarded-Host headers are trusted.")
    proxy_protocol_from: Networks = setting(
        (),
        "Networks of load balancers that begin each connection with the PROXY protocol, version 2. A device connection "
        "from there without it is closed.",
    )
    handshake_seconds: Seconds = setting(30, "How many seconds a TLS handshake may take, first byte to last.")
    header_seconds: Seconds = setting(30, "How many seconds a request's header may take.")
    body_seconds: Seconds = setting(60, "How many seconds a request's body may take.")
    keepalive_seconds: Annotated[int, Bounds(ge=0, le=600)] = setting(
        15, "How many seconds a connection stays open for another request. 0: it is closed after each answer."
    )
    max_connections: Annotated[int, Bounds(ge=16, le=1_000_000)] = setting(
        10_000, "Open connections of each worker. Above that, the one that has waited longest is closed."
    )
    max_connections_per_address: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        5_000, "The same for one address (IPv6: one /64). A whole site may be behind one NAT address."
    )
    max_unfinished_mib: Annotated[int, Bounds(ge=1, le=100_000)] = setting(
        64,
        "Memory (MiB) of each worker that requests may take, from their first byte to the last byte of their "
        "answer. Above that, the connection that holds most is closed.",
    )
    max_handshakes: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        1000,
        "TLS handshakes of each worker in progress. Above that, the one that has taken longest is closed.",
    )
    max_handshakes_per_address: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        750, "The same for one address (IPv6: one /64)."
    )
    poll_seconds: Annotated[float, Bounds(gt=0, le=2)] = setting(
        0.5, "How often, in seconds, a worker checks the store for a change."
    )
    activation_wait_seconds: Annotated[float, Bounds(ge=0, le=30)] = setting(
        1.2,
        "How many seconds workers wait for each other to serve a new release at the same moment. 0: each serves it "
        "as soon as it can. Give all hosts the same value. They wait at least 0.5 s more than poll_seconds.",
    )
    gate_seconds: Seconds = setting(
        30, "How often, in seconds, the operators' instance checks whether a rotation may go on or must roll back."
    )
    access_log: bool = setting(True, "Whether each request is logged, one line each, on standard output.")
    log_format: Literal["json", "text"] = setting("json", "Format of all log lines.")
    operators_bind: str = setting(
        "127.0.0.1",
        "Address that the operators' instance listens on. It is not for devices. An address that other machines reach "
        "needs operators_tls_certificate or operators_behind_proxy.",
    )
    operators_port: Port = setting(8008, "Port of the operators' instance: the API, sign-in, metrics and health.")
    operators_hosts: Hosts = setting(
        (Host("localhost"), Host("127.0.0.1"), Host("::1")),
        "Names and addresses under which operators call the operators' instance, without a port. A request for any "
        "other host gets status 421.",
    )
    operators_tls_certificate: Path | None = setting(
        None,
        "PEM file with the operators' instance's certificate and its intermediates. 'site': the certificate of the "
        "current release, as devices get it. If it is not set: plain HTTP.",
    )
    operators_tls_key: Path | None = setting(None, "PEM file with the private key of operators_tls_certificate.")
    operators_tls_passphrase_file: Path | None = setting(
        None, "File with the passphrase of operators_tls_key, if the key is encrypted."
    )
    operators_behind_proxy: bool = setting(
        False,
        "Whether all operators come through a proxy that speaks HTTPS to them. It must pass on the Host field, and "
        "nobody else may reach the port.",
    )
    spool_max_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        256, "Disk space (MiB) for sightings while the database is down. Further sightings are lost, and counted."
    )
    upstream_spool_max_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        1024,
        "Disk space (MiB) for audits and alerts that an upstream system has rejected, or has not accepted yet. "
        "Above that, devices are asked to retry later.",
    )
    device_disk_mib: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        32, "Disk space (MiB) for one device's files, and for its uploads that wait or were rejected."
    )
    site_disk_mib: Annotated[int, Bounds(ge=1, le=100_000_000)] = setting(
        10_240, "Disk space (MiB) for all devices of one site. Above that, they are asked to retry later."
    )
    devices_disk_mib: Annotated[int, Bounds(ge=1, le=100_000_000)] = setting(
        20_480, "Disk space (MiB) for the devices of all sites."
    )
    disk_reserve_mib: Annotated[int, Bounds(ge=0, le=1_000_000)] = setting(
        256,
        "Disk space (MiB) that devices leave free for operators, at most a tenth of the disk. Below it, call-ins are "
        "asked to retry later. Below half of it, sightings are lost, and counted. 0: nothing is kept free.",
    )
    max_audit_events: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        20_000, "Events of one upload that are read. A longer upload is stored whole, but not read."
    )
    enroll_per_day: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        2_000,
        "Devices that each host enrolls per day (UTC) for a site with unknown devices 'enroll'. Further ones "
        "are answered as unknown.",
    )
    nameless_calls_per_minute: Annotated[int, Bounds(ge=1, le=1_000_000)] = setting(
        600,
        "Calls without a serial number that each worker passes on for one address, at sites that refuse unknown "
        "devices. A whole site may be behind one address.",
    )
    sighting_days: Annotated[int, Bounds(ge=1, le=36_500)] = setting(
        90,
        "How many days the database keeps each single contact of a device. What it proves is kept for good.",
    )
    shared_upload_days: Annotated[int, Bounds(ge=1, le=36_500)] | None = setting(
        None,
        "How many days the database keeps uploads of sites with shared files. One that a system with a good token has "
        "not read yet stays. If it is not set: all stay, until device_disk_mib or site_disk_mib is reached.",
    )
    alert_store_away_minutes: Annotated[int, Bounds(ge=1, le=10_080)] = setting(
        10, "How many minutes the database may not answer before recipients of alerts hear of it."
    )
    backup_folder: Path | None = setting(
        None, "Folder of the nightly backups. Best on another disk. If it is not set: there are none."
    )
    backup_at: time | None = setting(
        None,
        "Time of day of the nightly backup and its drill, such as 02:30. If it is not set: there are none.",
    )
    backup_time_zone: str | None = setting(
        None,
        "Time zone of backup_at, such as Europe/Berlin or UTC. Several hosts need the same, to make one backup a "
        "night. If it is not set: that of the machine.",
    )
    backup_keep: Annotated[int, Bounds(ge=1, le=10_000)] = setting(
        14, "How many good nightly backups are kept. The last good one is never removed."
    )
    backup_authority: bool = setting(
        False, "Whether nightly backups also hold certs_dir, with the private keys of the authority."
    )
    links_file: Path = setting(
        Path("links.toml"), "File of the links: what reports about the path to a site. 'engage serve links' reads it."
    )
    links_bind: str = setting("0.0.0.0", "Address that the ingress of the links listens on, for hosts that name none.")  # noqa: S104  # partners call from the internet
    links_port: Port = setting(443, "Port of the ingress of the links, for hosts in links_file that name none.")
    links_key_file: Path = setting(
        Path("links.key"), "File with the key that opens the sealed secrets of links. The ingress has no other key."
    )
    links_database_url: SecretText | None = setting(
        None,
        "PostgreSQL with the role of the ingress: 'engage link role' prints how to make it. If it is not set, the "
        "ingress opens no database: it needs an operators' instance on its host.",
    )
    oidc_issuer: str | None = setting(
        None,
        "URL of an OpenID provider at which people sign in, to the letter as the provider says it. If it is not set: "
        "people sign in with passwords alone.",
    )
    oidc_client_id: str | None = setting(None, "What the OpenID provider calls this server.")
    oidc_client_secret_file: Path | None = setting(
        None, "File with this server's secret at the OpenID provider. If it is not set: a public client."
    )
    oidc_scopes: str = setting("openid profile email", "What is asked of the OpenID provider, separated by spaces.")
    oidc_file: Path = setting(Path("oidc.toml"), "File that says which group of the OpenID provider has which role.")
    oidc_ca_file: Path | None = setting(
        None,
        "PEM file with the authorities of the OpenID provider's certificate. If it is not set: those that the Python "
        "package certifi lists.",
    )

    @property
    def backup_zone(self) -> tzinfo | None:
        """The time zone of ``backup_at``. None: that of this machine."""
        from zoneinfo import ZoneInfo  # late: few commands need it

        return None if self.backup_time_zone is None else ZoneInfo(self.backup_time_zone)

    @property
    def has_nightly_backups(self) -> bool:
        """Whether the operators' instance makes a backup and does a drill every night."""
        return self.backup_folder is not None and self.backup_at is not None

    @property
    def cert_url_port(self) -> int:
        """The port in ``cert_url``, the same on both instances."""
        return self.public_http_port or self.http_port

    @property
    def called_https_port(self) -> int:
        """The TLS port that devices call. Where HTTP has a public port, TLS is on 443: devices know no other."""
        return 443 if self.public_http_port else self.https_port

    def anchored(self, folder: Path) -> Self:
        """Return these settings with relative paths resolved against ``folder``."""
        url = self.database_url.reveal()
        if url.startswith(_SQLITE_RELATIVE) and not url.startswith((_SQLITE_ABSOLUTE, f"{_SQLITE_RELATIVE}:memory:")):
            url = _SQLITE_RELATIVE + str(folder / url.removeprefix(_SQLITE_RELATIVE))
        return dataclasses.replace(
            self,
            certs_dir=folder / self.certs_dir,
            data_dir=folder / self.data_dir,
            key_encryption_key_file=folder / self.key_encryption_key_file,
            key_encryption_key_command=command_under(folder, self.key_encryption_key_command),
            release_key_file=_under(folder, self.release_key_file),
            backup_folder=_under(folder, self.backup_folder),
            links_file=folder / self.links_file,
            links_key_file=folder / self.links_key_file,
            oidc_client_secret_file=_under(folder, self.oidc_client_secret_file),
            oidc_file=folder / self.oidc_file,
            oidc_ca_file=_under(folder, self.oidc_ca_file),
            operators_tls_certificate=_under(folder, self.operators_tls_certificate),
            operators_tls_key=_under(folder, self.operators_tls_key),
            operators_tls_passphrase_file=_under(folder, self.operators_tls_passphrase_file),
            database_url=SecretText(url),
        )


def _under(folder: Path, path: Path | None) -> Path | None:
    return path if path is None or path == SITES_OWN else folder / path


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, as it is shown to people."""

    name: str
    default: object
    description: str


def table_of_settings() -> tuple[SettingRow, ...]:
    """List every setting, in the order of the table."""
    return tuple(
        SettingRow(each.name, each.default, each.metadata["description"]) for each in dataclasses.fields(Settings)
    )


def load_settings(
    option: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any], folder: Path
) -> Settings:
    """Collect the settings.

    Args:
        option: The value of ``--config``, or None.
        environment: Usually ``os.environ``.
        overrides: From command-line options. None stands for an option that was not given.
        folder: The current folder, absolute.

    Raises:
        SettingsInvalid: The file is missing or is not TOML, or a setting is unknown or cannot be used.
    """
    file, named = settings_file(option, environment, folder)
    from_file = read_settings_file(file) if named or is_there(file) else {}
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
    setting_conflicts.assert_ports_differ(settings.http_port, settings.https_port, settings.operators_port, file, _NEXT)
    _assert_zone_is_known(settings, file)
    if settings.backup_at is not None:
        setting_conflicts.assert_backups_have_place(settings.backup_folder, file)
    setting_conflicts.assert_balancers_are_named(settings.proxy_protocol_from, file)
    anchored = settings.anchored(file.parent)
    return anchored if "database_url" in values else _with_database(anchored)


def _with_database(settings: Settings) -> Settings:
    """Choose the embedded database: in the data folder, or where an earlier version put it, if only that one exists."""
    file, before = settings.data_dir / DATABASE_FILE, Path(settings.database_url.reveal().removeprefix("sqlite:///"))
    place = before if is_there(before) and not is_there(file) else file
    return dataclasses.replace(settings, database_url=SecretText(f"{_SQLITE_RELATIVE}{place}"))


_NEXT = "See 'engage settings' for every setting, its meaning and its default."


def _assert_known(source: str, values: Mapping[str, Any]) -> None:
    known = [row.name for row in table_of_settings()]
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            shown = name if source != "the environment" else f"{ENVIRONMENT_PREFIX}{name.upper()}"
            raise SettingsInvalid(f"{source}: there is no setting {shown}.{hint}", _NEXT)


def _read_values(values: Mapping[str, Any], source_of: Callable[[str], str]) -> Settings:
    """Return the settings. Raise one line for each bad value, without the value: it may hold a password."""
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


def _assert_zone_is_known(settings: Settings, file: Path) -> None:
    try:
        settings.backup_zone  # noqa: B018  # reads it
    except (KeyError, ValueError, OSError):  # no such zone, no name of one, or a folder of the zones
        raise setting_conflicts.unknown_zone(file) from None
