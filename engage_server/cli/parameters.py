"""Option types and options that several commands share."""

import codecs
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engage_server.cli.process.not_installed import not_installed
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.files import read_file
from engage_server.records import Host, IPNetwork, Secret, read_network
from engage_server.variables import FILE_SUFFIX, PASSPHRASE_VARIABLE, SITE_KEY_VARIABLE, assert_one_secret

if TYPE_CHECKING:
    from engage_server.checks.profile import DeviceProfile

_F = TypeVar("_F", bound=Callable[..., Any])
_MAX_SECRET_BYTES = 4096
_MAX_PROFILE_BYTES = 1 << 16

FilePath = click.Path(path_type=Path)

# numbers have an upper end, or one with twenty digits fails in the database, or as a date
HIGHEST_NUMBER = (1 << 31) - 1
MOST_DAYS = 36_500
Numbered = click.IntRange(1, HIGHEST_NUMBER)


class HostType(click.ParamType[Host]):
    """A DNS name or an IP address."""

    name = "host"

    def convert(self, value: str | Host, param: click.Parameter | None, ctx: click.Context | None) -> Host:
        """Parse, or raise HostInvalid."""
        return value if isinstance(value, Host) else Host.parse(value)


class FoundOption(click.Option):
    """An option whose value another command lists. If it is missing, the error names that command.

    Args:
        found_with: The command, without the program's name.
    """

    def __init__(self, *names: Any, found_with: str, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.found_with = found_with


class FoundArgument(click.Argument):
    """The same for an argument."""

    def __init__(self, *names: Any, found_with: str, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.found_with = found_with


class NetworkType(click.ParamType[IPNetwork]):
    """A network in CIDR notation."""

    name = "cidr"

    def convert(self, value: str | IPNetwork, param: click.Parameter | None, ctx: click.Context | None) -> IPNetwork:
        """Parse, or fail with a usage error."""
        if not isinstance(value, str):
            return value
        try:
            return read_network(value)
        except ValueError as error:
            self.fail(f"{error}. Give a network such as 10.44.0.0/16.", param, ctx)


class TimeType(click.ParamType[datetime]):
    """A date or time in ISO 8601; UTC unless it names another zone."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time. Give 2027-01-31 or 2027-01-31T12:00:00Z.", param, ctx)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def hosts_option(required: bool) -> Callable[[_F], _F]:
    """``--host HOST``, once for each name and address."""
    return click.option(
        "--host",
        "hosts",
        type=HostType(),
        multiple=True,
        required=required,
        metavar="HOST",
        help="A name or address that devices call. Repeat it for each. The first is the main one.",
    )


site_option = click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="The site. [default: the default site]"
)

all_sites_option = click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="Only this site. [default: all sites]"
)

site_argument = click.argument("name", shell_complete=completions.sites)

release_argument = click.argument("number", type=Numbered, metavar="N", shell_complete=completions.releases)

sure_option = click.option("--yes", is_flag=True, help="Do not ask whether you are sure.")

site_key_option = click.option(
    "--site-key-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="File with the site key: 44 characters of Base64, or 64 of hex. - reads standard input. "
    "ENGAGE_SITE_KEY may hold the key instead, and ENGAGE_SITE_KEY_FILE may name the file.",
)

trials_option = click.option(
    "--trials",
    is_flag=True,
    help="Make a site for trials: virtual locks count as its devices. This can never be changed.",
)
demo_option = click.option("--demo", is_flag=True, help="Accept the sample keys of public documents. Only for trials.")


def read_site_key_option(session: Session, file: str | None, demo: bool, *, may_be_gone: bool = False) -> Secret | None:
    """The site key that the operator gave, or None.

    Args:
        session: This run.
        file: What the option names; None without it.
        demo: Whether the sample keys of public documents are accepted.
        may_be_gone: For a command that needs it for a new site alone. A file that the environment names may have been
            taken away since then, as a container's secret is.

    Raises:
        FileNotUsable: The file cannot be read.
        SiteKeyInvalid: It holds no site key.
    """
    if may_be_gone and file is None and SITE_KEY_VARIABLE not in session.environment:
        named = session.environment.get(SITE_KEY_VARIABLE + FILE_SUFFIX)
        if named and not Path(named).exists():
            return None
    text = _secret_text(session, file, SITE_KEY_VARIABLE)
    if text is None:
        return None
    from engage_server.protocol.site_key import read_site_key  # not needed by most commands

    return read_site_key(text.reveal(), allow_samples=demo)


def required_site_key(session: Session, file: str | None, demo: bool) -> Secret:
    """The site key that the operator gave.

    Raises:
        UsageError: None was given.
        FileNotUsable: The file cannot be read.
        SiteKeyInvalid: It holds no site key.
    """
    key = read_site_key_option(session, file, demo)
    if key is None:
        raise UsageError("there is no site key", "Give --site-key-file FILE, or - to read standard input.")
    return key


def read_passphrase_option(session: Session, file: str | None) -> Secret | None:
    """The passphrase that the operator gave, without its line end, or None.

    Raises:
        FileNotUsable: The file cannot be read.
        UsageError: It is empty.
    """
    text = _secret_text(session, file, PASSPHRASE_VARIABLE)
    if text is None:
        return None
    passphrase = text.reveal().rstrip(b"\r\n")
    if not passphrase:
        raise UsageError("the passphrase is empty", "Write one into the file, on one line.")
    return Secret(passphrase)


def _secret_text(session: Session, file: str | None, variable: str) -> Secret | None:
    if file is None:
        value = session.environment.get(variable)
        file = session.environment.get(variable + FILE_SUFFIX) or None
        if value is not None:
            _assert_no_other(variable, value, file)
            return Secret(value.encode())
    return None if file is None else read_secret(file)


def read_secret(file: str) -> Secret:
    """The content of a file with a secret; of standard input for ``-``.

    Raises:
        FileNotUsable: The file cannot be read.
    """
    if file == "-":
        return _narrow(sys.stdin.buffer.read(_MAX_SECRET_BYTES))
    return _narrow(read_file(Path(file), limit=_MAX_SECRET_BYTES))


def _assert_no_other(variable: str, value: str, file: str | None) -> None:
    """Hold a secret of the environment against the file that the environment names. One that is gone holds none."""
    if file is not None and Path(file).exists():
        content = _narrow(read_file(Path(file), limit=_MAX_SECRET_BYTES)).reveal()
        assert_one_secret(variable, value.encode(), Path(file), content)


def _narrow(content: bytes) -> Secret:
    """As UTF-8 without a byte order mark. PowerShell's > writes UTF-16, and some editors write a mark."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Secret(content.decode("utf-16", "replace").encode())
    return Secret(content.removeprefix(codecs.BOM_UTF8))


def own_key(session: Session, site: str | None) -> Secret:
    """The site key of the installation here, for a virtual lock that was given none.

    Args:
        session: This run.
        site: Its name; None for the default site.

    Raises:
        EngageError: There is no installation here, or no such site.
    """
    try:
        sites = session.operator_side().sites
    except ModuleNotFoundError as error:
        raise not_installed(error, "Give the site key: --site-key-file FILE, or - for standard input.") from None
    return sites.key(sites.get(site).name)


def profile_of(name: str) -> "DeviceProfile":
    """The device limits that ``--profile`` names.

    Args:
        name: The name of a profile, or of a TOML file.

    Raises:
        UsageError: It is neither.
        SettingsInvalid: The file is no profile.
    """
    from engage_server.checks.profile import PROFILES, own_profile  # not needed by most commands

    if name in PROFILES:
        return PROFILES[name]
    if not Path(name).is_file():
        raise UsageError(f"there is no profile {name!r}", f"Use one of {', '.join(PROFILES)}, or a TOML file.")
    return own_profile(read_file(Path(name), limit=_MAX_PROFILE_BYTES).decode("utf-8", "replace"), name)
