"""Refuses settings that are each good, and together are not."""

from collections.abc import Iterable
from pathlib import Path

from engage_server.errors import SettingsInvalid
from engage_server.records import IPNetwork

_TOGETHER = "the environment and options together"


def assert_ports_differ(http: int, https: int, operators: int, file: Path, to_do: str) -> None:
    """Refuse two listeners on one port."""
    if http == https:
        what = f"http_port and https_port are both {http}"
    elif operators in (http, https):
        what = f"operators_port is also a device listener's port: {operators}"
    else:
        return
    raise SettingsInvalid(f"{file}, {_TOGETHER}: {what}", to_do)


def assert_backups_have_place(folder: Path | None, file: Path) -> None:
    """Refuse nightly backups without a folder."""
    if folder is None:
        raise SettingsInvalid(
            f"{file}, {_TOGETHER}: backup_at is set, but backup_folder is not",
            "Set backup_folder to the folder of the nightly backups. Or remove backup_at.",
        )


def assert_balancers_are_named(networks: Iterable[IPNetwork], file: Path) -> None:
    """Refuse a network of everybody: everybody could then say where a connection comes from."""
    if any(not each.prefixlen for each in networks):
        raise SettingsInvalid(
            f"{file}, {_TOGETHER}: proxy_protocol_from names all addresses. Then anybody who reaches a device listener "
            "can call in the name of any door's address",
            "Name the addresses of the balancers alone, such as 10.0.0.21/32.",
        )


def unknown_zone(file: Path) -> SettingsInvalid:
    """Return the error for a time zone that is none."""
    return SettingsInvalid(
        f"{file}, {_TOGETHER}: backup_time_zone is no time zone",
        "Give an IANA name, such as Europe/Berlin. Or remove it: then it is the time zone of the machine.",
    )
