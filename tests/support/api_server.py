"""A running operators' instance, with tokens and with chains that a system can stage."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.chains import HOSTS
from tests.support.commands import engage, ok
from tests.support.installation import make_installation
from tests.support.running import RunningPair, running_pair

SITE = "main"
ROLES = ("viewer", "operator", "approver", "admin")


class ApiServer:
    """The API of one installation, over HTTP.

    Args:
        pair: The running pair.

    Attributes:
        folder: The installation's.
        origin: ``http://localhost:PORT``.
    """

    def __init__(self, pair: RunningPair) -> None:
        self.pair, self.folder = pair, pair.folder
        self.origin = f"http://localhost:{pair.operators_port}"
        self.url = f"{self.origin}/api/v1"
        self.tokens = {role: ok(engage(self.folder, "token", "add", role, "--role", role)).strip() for role in ROLES}

    def document(self) -> dict[str, Any]:
        """The document as it is served."""
        with urllib.request.urlopen(f"{self.url}/openapi.json") as answer:  # noqa: S310  # our own address
            document: dict[str, Any] = json.load(answer)
        return document

    def document_in(self, folder: Path) -> Path:
        """The same as a file, for judges that read one."""
        path = folder / "openapi.json"
        path.write_text(json.dumps(self.document()))
        return path

    def current_release(self) -> int:
        """The number of the release that the site serves, as the command line sees it."""
        sites = json.loads(ok(engage(self.folder, "site", "list", "--json")))
        return next(int(each["current_release"]) for each in sites if each["site"] == SITE)

    def new_chain(self, file: Path) -> Path:
        """A chain of another authority with its key, in the one file that a system sends."""
        folder = file.with_suffix(".chain")
        hosts = [text for host in HOSTS for text in ("--host", host.text)]
        ok(engage(self.folder, "chain", "build", folder, *hosts))
        names = ("partner_server.pem", "partner_CA.pem", "partner_server.key")
        file.write_text("".join((folder / name).read_text() for name in names))
        return file


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """A fresh installation in a folder, served until the end."""
    with running_pair(make_installation(folder), "--workers", "1") as pair:
        yield ApiServer(pair)
