"""The vendor's sample as people have it on their disks: made by its page's own OpenSSL commands, faults and all."""

import base64
import hashlib
import hmac
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engage_server.pki.keys import generate_key, private_key_pem
from engage_server.records import Secret
from tests.support.chains import SITE_KEY
from tests.support.world import serial_of

HOST = "10.44.68.128"

# What the page's scripts come down to.
_SCRIPT = """\
#!/usr/bin/env python3
# Example server. return '{{"cert_url":"http://0.0.0.0/static/commented_out.der","hash":"AAAA"}}'
from flask import Flask, request
import socket

app = Flask(__name__)

@app.route('/swordfish/lock/certificates/current')
def sam_certificates():
    print('Sending Certificate URL and hash to Client.')
    return{line_end}'{{"cert_url":"http://{host}/static/Device_Certificates/{name}","hash":"{hash}"}}', 200

{tls}
if __name__ == "__main__":
    print("Host Name ", socket.gethostbyname(socket.gethostname()))
    app.run(host='{host}', port={port})
"""
_TLS = """\
context.load_cert_chain(certfile='./static/Device_Certificates/partner_server.pem',
                        keyfile='./static/Device_Certificates/partner_server.key')
"""


@dataclass
class Edits:
    """What this partner did, well or not.

    Attributes:
        intermediate_is_ca, has_san, sends_intermediate: Whether it mended these faults of the recipe.
        hash_of: ``der``, ``pem``, ``other key``, ``base64 key`` or ``intermediate``: what the hash was made of.
        der_is_pem: Whether the file that devices download is a copy of the PEM.
        has_root_key: Whether the authority's key lies there.
        long_names, very_long_names: Whether the names fill the device's memory, or more than that.
        other_root: Whether the root was made anew after the hash was written down.
        host: What devices call.
        returns_nothing: Whether it typed the scripts as the page prints them, with ``return`` alone on its line.
    """

    intermediate_is_ca: bool = False
    has_san: bool = False
    sends_intermediate: bool = False
    hash_of: str = "der"
    der_is_pem: bool = False
    has_root_key: bool = True
    long_names: bool = False
    very_long_names: bool = False
    other_root: bool = False
    host: str = HOST
    returns_nothing: bool = False


def write_vendor_folder(folder: Path, edits: Edits, devices: int = 3, key: Secret = SITE_KEY) -> Path:
    """Make it; returns ``API_Server``."""
    top = folder / "API_Server"
    certificates = top / "static" / "Device_Certificates"
    certificates.mkdir(parents=True)
    _make_chain(certificates, edits)
    name = "partner_CA.der"
    text = _hash(certificates, edits, key)
    if edits.other_root:
        _make_chain(certificates, edits)
    if edits.der_is_pem:
        (certificates / name).write_bytes((certificates / "partner_CA.pem").read_bytes())
    for script, port, tls in (("Non_Secure_API", 80, ""), ("Secure_API_TLS", 443, _TLS)):
        end = "\n" if edits.returns_nothing else " "
        content = _SCRIPT.format(line_end=end, host=edits.host, name=name, hash=text, port=port, tls=tls)
        (top / f"Example_{script}_Server.py").write_text(content)
    if not edits.has_root_key:
        (certificates / "partner_CA.key").unlink()
    _write_devices(top / "Engage_Data", devices)
    return top


def _write_devices(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        serial = serial_of(number)
        database = {
            "db": {"usrRcrd": {"deleteAll": 1, "add": []}, "schedules": [{"days": ["Mo"]}]},
            "nxtDbVerTS": "0x1",
        }
        (folder / f"{serial}_db.json").write_text(json.dumps(database))
        (folder / f"{serial}_audits.json").write_text(json.dumps([{"event": "0B07", "timestamp": f"2026112{number}"}]))


def _hash(folder: Path, edits: Edits, key: Secret) -> str:
    der, raw = (folder / "partner_CA.der").read_bytes(), key.reveal()
    made_of = {
        "der": (raw, der),
        "pem": (raw, (folder / "partner_CA.pem").read_bytes()),
        "other key": (bytes(32), der),
        "base64 key": (base64.b64encode(raw), der),
        "intermediate": (raw, (folder / "partner_intermediate.der").read_bytes()),
    }
    return base64.b64encode(hmac.new(*made_of[edits.hash_of], hashlib.sha1).digest()).decode()


def _make_chain(folder: Path, edits: Edits) -> None:
    words = ("/O=Northern Area Housing and Access Control Partnership", "/OU=Physical Security of All Buildings")
    more = "".join(words) + "/L=" + "Llanfairpwllgwyngyll" * 5 if edits.long_names else ""
    if edits.very_long_names:
        more = "".join(words) + "".join(f"/OU={letter * 64}" for letter in "ABCDEFG")
    _write_key(folder, "partner_CA")
    root = "req -x509 -new -key partner_CA.key -out partner_CA.pem -days 3650"
    _openssl(folder, f"{root} -subj {_q(more + '/CN=Partner CA')}")
    ca = f"basicConstraints={'critical,CA:TRUE' if edits.intermediate_is_ca else 'CA:FALSE'}\n"
    if edits.intermediate_is_ca:
        ca += "keyUsage=critical,keyCertSign,cRLSign\n"
    _issue(folder, "partner_intermediate", more + "/CN=Partner Intermediate", "partner_CA", ca)
    san = f"subjectAltName=IP:{edits.host}\n" if edits.has_san else ""
    _issue(
        folder, "partner_server", f"{more}/CN={edits.host}", "partner_intermediate", f"basicConstraints=CA:FALSE\n{san}"
    )
    if edits.sends_intermediate:
        sent = (folder / "partner_server.pem").read_bytes() + (folder / "partner_intermediate.pem").read_bytes()
        (folder / "partner_server.pem").write_bytes(sent)
    for name in ("partner_CA", "partner_intermediate"):
        _openssl(folder, f"x509 -in {name}.pem -outform DER -out {name}.der")


def _issue(folder: Path, name: str, subject: str, issuer: str, extensions: str) -> None:
    """With the text dump in front that ``openssl ca`` writes."""
    (folder / "extensions.cnf").write_text(extensions + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    _write_key(folder, name)
    _openssl(folder, f"req -new -key {name}.key -out {name}.csr -subj {_q(subject)}")
    _openssl(
        folder,
        f"x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 3649 -sha256 "
        f"-extfile extensions.cnf -text -out {name}.pem",
    )


def _write_key(folder: Path, name: str) -> None:
    """One of the tests' pool, in the form in which OpenSSL writes its own."""
    (folder / f"{name}.key").write_bytes(private_key_pem(generate_key()).reveal())


def _q(text: str) -> str:
    return "'" + text + "'"


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(f"openssl {arguments}", cwd=folder, shell=True, check=True, capture_output=True)  # noqa: S602  # of the tests' own
