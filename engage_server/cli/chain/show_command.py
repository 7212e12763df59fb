"""``engage chain show``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from engage_server.cli.output import json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import FilePath, read_passphrase_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.cli.standard_input import assert_one_reader, read_standard_input
from engage_server.pki.chain import is_self_issued
from engage_server.pki.encodings import der
from engage_server.pki.extensions import extension, extensions_of
from engage_server.pki.paths.path import find_path
from engage_server.services.chains.held_files import shown as shown_path
from engage_server.services.chains.targets import groups_at, read_target

_LABELS = {"signature_name": "signature"}
_SIGNATURES = {
    oid: name.replace("_WITH_", " with ").replace("_", "-")
    for name, oid in vars(SignatureAlgorithmOID).items()
    if isinstance(oid, x509.ObjectIdentifier)
}

_HEADINGS = {"certificates": "", "links": "link: ", "other_roots": "other root: ", "unrelated": "unrelated: "}


@click.command(epilog="\b\nExample:\n  engage chain show certs/main")
@click.argument("target", type=FilePath)
@click.option(
    "--passphrase-file", metavar="FILE", shell_complete=completions.files, help="For PKCS#12. - reads standard input."
)
@json_option
@click.pass_obj
def show(session: Session, target: Path, passphrase_file: str | None, as_json: bool) -> None:
    """Print the contents of a chain, from the root down.

    TARGET is a folder, a file, or - for standard input. Private keys are never shown.
    """
    assert_one_reader([str(target), passphrase_file])
    passphrase = read_passphrase_option(session, passphrase_file)
    shown = []
    for group in groups_at(target, passphrase, read_standard_input):
        found = find_path(read_target(group).certificates, now=session.now())
        shown.append(
            {
                "target": shown_path(group.name),
                "certificates": [_facts(each) for each in reversed(found.path)],
                "links": [_facts(each) for each in found.links],
                "other_roots": [_facts(each) for each in found.other_roots],
                "unrelated": [_facts(each) for each in found.unrelated],
            }
        )
    if as_json:
        print_json(shown)
        return
    for each in shown:
        click.echo(each["target"])
        for line in _lines(each):
            print_wrapped(line, " " * 16)
    print_next(f"{program()} chain check {target}")


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    for kind, heading in _HEADINGS.items():
        for facts in shown[kind]:
            yield f"  {heading}{_printable(facts['subject'])}"
            for name, value in facts.items():
                if name not in ("subject", "signature") and value not in ("", [], None):
                    text = ", ".join(value) if isinstance(value, list) else str(value)
                    yield f"    {_LABELS.get(name, name.replace('_', ' ')):<11} {_printable(text)}"


def _facts(certificate: x509.Certificate) -> dict[str, Any]:
    key = certificate.public_key()
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": "itself" if is_self_issued(certificate) else certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:X}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "key": f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__.strip("_"),
        "signature": certificate.signature_algorithm_oid.dotted_string,
        "signature_name": _signature(certificate),
        "names": _names(certificate),
        "extensions": [
            *(_extension(each) for each in extensions_of(certificate).readable),
            *(f"{oid} (malformed)" for oid, _ in extensions_of(certificate).malformed),
        ],
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "der_bytes": len(der(certificate)),
    }


def _signature(certificate: x509.Certificate) -> str:
    """The signature's algorithm by its usual name, such as RSA with SHA256. Without a name it is the OID."""
    oid = certificate.signature_algorithm_oid
    return _SIGNATURES.get(oid, oid.dotted_string)


def _names(certificate: x509.Certificate) -> list[str]:
    san = extension(certificate, x509.SubjectAlternativeName)
    return [str(name.value) for name in san or ()]


def _extension(extension: x509.Extension[x509.ExtensionType]) -> str:
    value, critical = extension.value, " (critical)" if extension.critical else ""
    if isinstance(value, x509.BasicConstraints):
        length = "" if value.path_length is None else f", path length {value.path_length}"
        return f"CA:{'TRUE' if value.ca else 'FALSE'}{length}{critical}"
    if isinstance(value, x509.UnrecognizedExtension):
        return f"{extension.oid.dotted_string}{critical}"
    return f"{type(value).__name__}{critical}"


def _printable(text: str) -> str:
    """A certificate's own words cannot begin a line or colour it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
