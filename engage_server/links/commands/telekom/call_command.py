"""``engage telekom call``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.output import json_option, print_json, print_table, printable
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from engage_server.links.telekom.messages.verifying import Verified

# the two services of the portal, as the document's WSDL files are called
SERVICES = {"m2madm": "M2MAdm", "m2mmon": "M2MMon"}

environment_option = click.option(
    "--environment",
    type=click.Choice([str(each) for each in Environment]),
    required=True,
    help="ta: test and approval. pe: production, where SIMs cost money.",
)
links_option = click.option(
    "--links",
    "links_file",
    type=FilePath,
    metavar="FILE",
    default=Path("links.toml"),
    show_default=True,
    shell_complete=completions.files,
    help="Has the table [telekom].",
)


@click.command(
    cls=AskingCommand,
    acts=[Act.LINK_CALL],
    epilog="""\b
Examples:
  engage telekom call --environment ta --wsdl M2MMonv30.wsdl --operation SIMUsageGet iccid=8949020000001234567
  engage telekom call --environment ta --wsdl M2MAdmv30.wsdl --operation SIMActivation contact.mail=a@example.org

Exit status: 0 answered, 1 refused by the portal or an answer that is not accepted, 3 no answer.

Checked against Apache WSS4J and a WSDL of our own. Never against Telekom. The document says neither where M2MApiKey and
sender ID stand, nor which fields a message has. Take both from Telekom's WSDL files.
""",
)
@environment_option
@click.option(
    "--wsdl",
    type=FilePath,
    required=True,
    metavar="FILE",
    shell_complete=completions.files,
    help="Telekom's file. What it imports lies beside it: nothing is fetched.",
)
@click.option("--operation", required=True, metavar="NAME", help="An operation of the WSDL, such as SIMUsageGet.")
@click.option(
    "--service", type=click.Choice(list(SERVICES)), help="Which address to call. [default: by the WSDL's file name]"
)
@links_option
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
@click.pass_obj
def call(
    session: Session, /, environment: str, wsdl: Path, operation: str, parameters: tuple[str, ...], **options: Any
) -> None:
    """Call an operation of Telekom's portal, signed.

    NAME is an element of the schema, outer.inner one in another. M2MApiKey and sender ID come from their secret files.
    The portal's TLS certificate and its signature are verified.
    """
    from engage_server.links.telekom.calls import portal
    from engage_server.links.telekom.calls.placing import parse_arguments
    from engage_server.links.telekom.calls.wsdl import Wsdl

    service: Any = options["service"] or service_of(wsdl)
    agreed = portal.read_portal(links_of(session, options["links_file"]), Environment(environment), service)
    found = portal.call(agreed, Wsdl(wsdl), operation, parse_arguments(parameters), session.now)
    if options["as_json"]:
        print_json(answer_json(operation, found))
        return
    print_table(
        ("", ""), [("answer", ", ".join(names_in(found))), ("created", f"{found.created:%Y-%m-%d %H:%M:%S} UTC")], ""
    )
    for path, text in texts_of(found):
        click.echo(f"  {printable(path)} = {printable(text)}")


def service_of(wsdl: Path) -> str:
    """Which of the portal's services a WSDL file is of, by its name.

    Raises:
        UsageError: Its name says neither, or it is of one of our own services.
    """
    found = [service for service, name in SERVICES.items() if name in wsdl.name and f"{name}Cl" not in wsdl.name]
    if len(found) != 1:
        raise UsageError(
            f"the name {wsdl.name} does not say which service it is of", "Give --service m2madm, or --service m2mmon."
        )
    return found[0]


def links_of(session: Session, file: Path) -> LinksFile:
    """Read ``links.toml``. Addresses to listen on do not matter here."""
    return read_links_file(session.folder / file, "0.0.0.0", 443)  # noqa: S104  # nothing listens


def names_in(found: "Verified") -> list[str]:
    """The names of what is in the Body, without their namespaces."""
    return [_name(child.tag) for child in found.body]


def texts_of(found: "Verified") -> list[tuple[str, str]]:
    """All texts of an answer with the names that lead to them: nobody here knows its schema."""
    tree = found.body.getroottree()
    return [
        (
            "/".join(_name(each.tag) for each in (*reversed(list(element.iterancestors())), element))[len("Body/") :],
            text,
        )
        for element in tree.iter()
        if len(element) == 0 and (text := (element.text or "").strip())
    ]


def answer_json(operation: str, found: "Verified") -> dict[str, Any]:
    """An answer for scripts."""
    return {
        "operation": operation,
        "messages": names_in(found),
        "created": found.created.isoformat(),
        "body_sha256": found.digest,
        "texts": [{"path": path, "text": text} for path, text in texts_of(found)],
    }


def _name(tag: object) -> str:
    return str(tag).rpartition("}")[2]
