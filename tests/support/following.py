"""A further chain, and whether a pair serves it."""

import json
import subprocess
from pathlib import Path

from engage_server.protocol.notice import digest_of
from tests.support.chains import HOSTS
from tests.support.running import NOTICE, RunningPair, engage, ok

GET = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def new_chain(folder: Path, name: str) -> Path:
    """A further chain of the same hosts, in certs/."""
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "chain", "build", f"certs/{name}", *hosts))
    return folder / "certs" / name


def stage(folder: Path, chain: Path, **environment: str) -> int:
    """Stage a chain; the release's number."""
    done = ok(engage(folder, "release", "stage", chain, "--json", stdin=None, **environment))
    return int(json.loads(done)["number"])


def notice(pair: RunningPair) -> dict[str, str]:
    """The notice on the plain instance."""
    body = pair.raw_http(GET).partition(b"\r\n\r\n")[2]
    parsed: dict[str, str] = json.loads(body)
    return parsed


def serves(pair: RunningPair, chain: Path) -> bool:
    """Whether notice and TLS chain both are of this chain now, on every one of several connections."""
    der = (chain / "partner_CA.der").read_bytes()
    if digest_of(der) not in notice(pair)["cert_url"]:
        return False
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{pair.https_port}", "-verify_return_error", "-brief"),
            *("-CAfile", chain / "partner_CA.pem", "-no-CApath", "-no-CAstore"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
