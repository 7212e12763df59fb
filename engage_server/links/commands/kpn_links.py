"""Which links of KPN there are, and the options and files that several of their commands share."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from engage_server.cli.session import Session
from engage_server.errors import NotFound, UsageError
from engage_server.links.kpn.shared_secrets import SecretKind, assert_usable
from engage_server.links.registry.links_file import Link, read_links_file
from engage_server.links.registry.secret_file import SECRET_BYTES, read_secret_file
from engage_server.records import Secret

STANDARD_INPUT = "-"

destination_option = click.option(
    "--destination",
    is_flag=True,
    help="For an HTTPS destination, whose secrets have another pattern. [default: for a device]",
)


def kpn_links(session: Session) -> Mapping[str, Link]:
    """All links of KPN by name, in the order of ``links.toml``.

    Raises:
        SettingsInvalid: The file is missing, or cannot be used.
    """
    settings = session.settings()
    found = read_links_file(settings.links_file, settings.links_bind, settings.links_port)
    return {link.name: link for link in found.of_partner("kpn")}


def sites_of_links(session: Session) -> Mapping[str, str]:
    """The site of each link. Empty without ``links.toml``: lists are printed anyway."""
    if not session.settings().links_file.exists():
        return {}
    return {name: link.site for name, link in kpn_links(session).items()}


def chosen_link(session: Session, name: str | None, site: str | None = None) -> Link:
    """The link that an operator means.

    Args:
        session: This run.
        name: The name that was given; None for the only one.
        site: Only links to this site; None for all.

    Raises:
        NotFound: There is no such link of KPN.
        UsageError: There are several.
    """
    links = kpn_links(session)
    found = [link for link in links.values() if name in (None, link.name) and site in (None, link.site)]
    where = session.settings().links_file
    if not found:
        wanted = f"named {name}" if name else "of KPN"
        lead = f" to site {site}" if site else ""
        raise NotFound(f"{where} has no link {wanted}{lead}", 'Add one with partner = "kpn", or name another.')
    if len(found) > 1:
        names = ", ".join(link.name for link in found)
        raise UsageError(f"there are several links of KPN: {names}", "Name one of them: --link NAME.")
    return found[0]


def content_of(file: str, limit: int) -> bytes:
    """The bytes of a file. ``-`` is standard input.

    Raises:
        FileNotUsable: It cannot be read, or is too long.
        UsageError: Standard input is too long.
    """
    from engage_server.files import read_file

    if file != STANDARD_INPUT:
        return read_file(Path(file), limit=limit)
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise UsageError(f"standard input has more than {limit} bytes", "Send less.")
    return content


def secret_of(file: str, kind: SecretKind) -> Secret:
    """A shared secret from a file. ``-`` is standard input. It must follow the pattern of its kind.

    Raises:
        SettingsInvalid: The file cannot be read, or others may read it.
        UsageError: It holds another text.
    """
    if file == STANDARD_INPUT:
        secret = Secret(content_of(file, SECRET_BYTES).removesuffix(b"\n").removesuffix(b"\r"))
    else:
        secret = read_secret_file(Path(file).absolute())
    assert_usable(secret, kind, "standard input" if file == STANDARD_INPUT else file)
    return secret
