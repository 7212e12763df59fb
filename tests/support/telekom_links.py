"""A ``links.toml`` with Telekom's test environment, and all files that it names."""

import datetime as dt
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.telekom.messages.signing import Signer
from engage_server.links.telekom.messages.verifying import Trust
from engage_server.pki.keys import private_key_pem
from engage_server.records import Secret
from tests.support.chains import key
from tests.support.signed_messages import certificate

ICCID = "8949020000001234567"
API_KEY, SENDER = "the-key-of-the-test-environment", "sender-4711"
ACKNOWLEDGEMENT = (
    '<!-- an example --><M2MAdmResponseMessage xmlns="urn:example:m2m:adm">'
    '<about state="${state}">${iccid}</about><code>0</code></M2MAdmResponseMessage>'
)
LINKS = """
[hosts."links.example.org"]
certificate_file = "links.example.org.pem"
key_file = "links.example.org.key"
serves = ["telekom-ta"]

[links.depot-sim]
site = "depot"
partner = "telekom"
environment = "ta"
identifiers = ["8949020000001234567"]

[telekom]
acknowledgement_file = "ack.xml"
sender_id_file = "k.secret"
api_key_path = "Body/*/M2MApiKey"
sender_id_path = "Header/{{urn:example:soa}}Sender/Id"

[telekom.ta]
sign_certificate_file = "own.pem"
sign_key_file = "own.key"
sign_key_passphrase_file = "own.passphrase"
telekom_sign_certificate_file = "telekom.pem"
telekom_ssl_certificate_file = "telekom-ssl.pem"
m2madm_url = "https://localhost:{telekom_port}/M2MAdm"
m2mmon_url = "https://localhost:{telekom_port}/M2MMon"
api_key_file = "api-key.secret"
"""


def parties(at: dt.datetime) -> tuple[Signer, Signer]:
    """The portal and us, with certificates that are valid around a time: the same ones for a whole day."""
    begin = at.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=3)
    portal, us = key(0), key(1)
    return Signer(portal, certificate(portal, "portal", begin)), Signer(us, certificate(us, "us", begin))


def write_links(folder: Path, at: dt.datetime, *, telekom_port: int = 9443, more: str = "") -> None:
    """Write ``links.toml`` and all files beside it that belong to Telekom."""
    portal, us = parties(at)
    (folder / "links.toml").write_text(LINKS.format(telekom_port=telekom_port) + more)
    (folder / "own.pem").write_bytes(us.certificate.public_bytes(Encoding.PEM))
    (folder / "telekom.pem").write_bytes(portal.certificate.public_bytes(Encoding.PEM))
    (folder / "ack.xml").write_text(ACKNOWLEDGEMENT)
    secrets = {
        "own.key": private_key_pem(us.key, Secret(b"secret word")).reveal(),
        "own.passphrase": b"secret word\n",
        "k.secret": f"{SENDER}\n".encode(),
        "api-key.secret": f"{API_KEY}\n".encode(),
    }
    for name, content in secrets.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)


def links_file(folder: Path) -> LinksFile:
    """The file, read."""
    return read_links_file(folder / "links.toml", "127.0.0.1", 443)


def trust_in(signer: Signer) -> Trust:
    """Trust in one party."""
    return Trust((signer.certificate,))
