"""The vendor's two sample servers, rebuilt from the page that describes them, with the faults that its recipe leads to.

Two Flask programs on Flask's own server: the notice comes as a text (so as text/html), everything else is answered
"unauthorized", the certificates lie in ``static/Device_Certificates``, and the secure one loads the server certificate
alone. The chain is what the page's OpenSSL commands make: an intermediate with CA:FALSE, no SAN, nothing backdated.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from engage_server.lock.target import Target
from engage_server.pki import encodings
from engage_server.protocol.site_key import anchor_hash
from tests.support.chains import HOSTS, NOW, SITE_KEY, Recipe
from tests.support.hosts import tls_context


@dataclass(frozen=True)
class Mended:
    """Which of the faults are mended."""

    content_type: bool = False
    chain: bool = False
    whole_chain_sent: bool = False
    hash: bool = True


@contextmanager
def vendor_sample(folder: Path, mended: Mended) -> Iterator[Target]:
    """Both servers, on ports of their own."""
    recipe = Recipe() if mended.chain else Recipe(intermediate_ca=False, server_san=None, server_from=NOW)
    recipe.server_common_name = HOSTS[3].text
    chain, key = recipe.build()
    der = encodings.der(chain.root)
    certificates = folder / "static" / "Device_Certificates"
    certificates.mkdir(parents=True)
    (certificates / "partner_CA.der").write_bytes(der)
    hash_text = anchor_hash(SITE_KEY, der if mended.hash else encodings.pem([chain.root]))
    sent = chain.sent if mended.whole_chain_sent else (chain.server,)
    app = _program(folder, hash_text, mended)
    plain = make_server("127.0.0.1", 0, app, threaded=True)
    app.config["PLAIN_PORT"] = plain.server_port
    secure = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls_context(sent, key))
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (plain, secure)]
    for thread in threads:
        thread.start()
    try:
        yield Target("127.0.0.1", plain.server_port, secure.server_port)
    finally:
        for server in (plain, secure):
            server.shutdown()
            server.server_close()


def _program(folder: Path, hash_text: str, mended: Mended) -> Flask:
    app = Flask("vendor_sample", root_path=str(folder), static_folder="static")

    @app.route("/swordfish/lock/certificates/current")
    def sam_certificates() -> tuple[str, int] | tuple[str, int, dict[str, str]]:
        where = f"http://127.0.0.1:{app.config['PLAIN_PORT']}/static/Device_Certificates/partner_CA.der"
        body = f'{{"cert_url":"{where}","hash":"{hash_text}"}}'
        return (body, 200, {"Content-Type": "application/json"}) if mended.content_type else (body, 200)

    @app.errorhandler(404)
    def handle_other_network(_error: Exception) -> tuple[str, int]:
        return "unauthorized", 401

    return app
