"""An installation as ``engage init`` makes it, with the tests' hosts and site key."""

from pathlib import Path
from typing import Any

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import HOSTS, SITE_KEY
from tests.support.running import engage, ok


def make_installation(folder: Path, **environment: Any) -> Path:
    """``engage init`` with the tests' hosts and site key; for trials, so that virtual locks count as devices."""
    (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "init", *hosts, "--site-key-file", "site.key", "--trials", **environment))
    return folder
