"""``engage m2u``: Talk2M M2U."""

import click

from engage_server.cli.groups import LazyGroup

_LINES = {
    "check": "Try genuine and forged fields against the running ingress.",
    "client-certificate": "Issue the certificate that M2U presents to us.",
}


class M2uGroup(LazyGroup):
    """Its commands, with the first lines of their help."""

    def line_of_help(self, name: str) -> str | None:
        """The first line of a command's help."""
        return _LINES[name]


@click.group(
    cls=M2uGroup,
    table={
        "check": ("engage_server.links.commands.m2u_check", "check"),
        "client-certificate": ("engage_server.links.commands.m2u_client_certificate", "client_certificate"),
    },
)
def m2u() -> None:
    """Talk2M M2U: messages of industrial routers.

    A router sends through Talk2M. Talk2M calls our ingress and says whose router it was.

    Checked against sockets, curl, openssl and nginx. Never against the provider. The document leaves open whether M2U
    presents a certificate: section 5 says no, section 7 says that one can be uploaded.
    """
