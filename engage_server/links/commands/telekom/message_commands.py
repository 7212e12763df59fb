"""``engage telekom sign`` and ``verify``."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.output import json_option, print_json, print_table
from engage_server.cli.parameters import FilePath, TimeType, read_passphrase_option
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.files import read_file, write_output

if TYPE_CHECKING:
    from engage_server.links.telekom.messages.refusals import MessageRefused
    from engage_server.links.telekom.messages.verifying import Verified

# more than a message may have: the reader of messages refuses those, with its code
_MOST_BYTES = 1 << 20
_CHECKED = "Checked against Apache WSS4J, xmlsec1 and signxml. Never against Telekom."


@click.command(
    epilog=f"""\b
Examples:
  engage telekom sign call.xml signed.xml --key 1_sign_SampleOrg_TA-PrivateKey.pem --certificate 1_sign.pem \\
    --passphrase-file key.passphrase
  engage telekom sign - - --key key.pem --certificate sign.pem < call.xml > signed.xml

{_CHECKED}
"""
)
@click.argument("source", type=FilePath, metavar="IN")
@click.argument("target", type=FilePath, metavar="OUT")
@click.option("--key", type=FilePath, required=True, metavar="FILE", shell_complete=completions.files, help="The key.")
@click.option(
    "--certificate",
    type=FilePath,
    required=True,
    metavar="FILE",
    shell_complete=completions.files,
    help="Its certificate, which the message will carry.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Opens the key. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@click.pass_obj
def sign(
    session: Session, source: Path, target: Path, key: Path, certificate: Path, passphrase_file: str | None
) -> None:
    """Sign a SOAP 1.1 message, as Telekom's portal asks for it.

    IN is an Envelope without a Security header. OUT has a Timestamp of five minutes from now, and a signature over Body
    and Timestamp. - is standard input or output.
    """
    from engage_server.links.telekom.message_files import read_signer
    from engage_server.links.telekom.messages import signing

    signer = read_signer(certificate, key, read_passphrase_option(session, passphrase_file))
    content = signing.sign(_read(source), signer, session.now())
    if str(target) == "-":
        sys.stdout.buffer.write(content + b"\n")
    else:
        write_output(target, content + b"\n")


@click.command(
    epilog=f"""\b
Examples:
  engage telekom verify signed.xml --certificate telekom_sign.pem
  engage telekom verify old.xml --certificate telekom_sign.pem --at 2026-11-26T12:00:00Z --json

Exit status: 0 accepted, 1 refused; the message on standard error says why.

{_CHECKED}
"""
)
@click.argument("source", type=FilePath, metavar="IN")
@click.option(
    "--certificate",
    "certificates",
    type=FilePath,
    required=True,
    multiple=True,
    metavar="FILE",
    shell_complete=completions.files,
    help="The certificate that it must be signed with. Repeat it while a new one replaces an old one.",
)
@click.option("--at", type=TimeType(), metavar="TIME", help="Verify as at this time. [default: now]")
@json_option
@click.pass_obj
def verify(session: Session, source: Path, certificates: tuple[Path, ...], at: datetime | None, as_json: bool) -> None:
    """Verify a signed message as strictly as the ingress does.

    IN is the message, - is standard input. Nothing is remembered, so the same message can be verified again. The
    ingress accepts each message once.
    """
    from engage_server.links.telekom.message_files import read_trust
    from engage_server.links.telekom.messages import verifying
    from engage_server.links.telekom.messages.refusals import MessageRefused

    trust = read_trust(certificates)
    content = _read(source)
    try:
        found = verifying.verify(content, trust, at or session.now())
    except MessageRefused as refused:
        if as_json:
            print_json(_refused_json(refused))
        raise
    if as_json:
        print_json(_verified_json(found))
    else:
        _print(found)


def _read(source: Path) -> bytes:
    if str(source) == "-":
        return sys.stdin.buffer.read(_MOST_BYTES)
    return read_file(source, limit=_MOST_BYTES)


def _messages_in(found: "Verified") -> list[str]:
    """The names of what is in the Body, without their namespaces."""
    return [str(child.tag).rpartition("}")[2] for child in found.body]


def _verified_json(found: "Verified") -> dict[str, Any]:
    return {
        "accepted": True,
        "code": "",
        "reason": "",
        "messages": _messages_in(found),
        "created": found.created.isoformat(),
        "expires": found.expires.isoformat(),
        "body_sha256": found.digest,
    }


def _refused_json(refused: "MessageRefused") -> dict[str, Any]:
    return {"accepted": False, "code": refused.code, "reason": refused.sentence}


def _print(found: "Verified") -> None:
    rows = [
        ("accepted", ", ".join(_messages_in(found)) or "an empty Body"),
        ("created", f"{found.created:%Y-%m-%d %H:%M:%S} UTC"),
        ("expires", f"{found.expires:%Y-%m-%d %H:%M:%S} UTC"),
        ("SHA-256 of the Body", found.digest),
    ]
    print_table(("", ""), rows, "")
