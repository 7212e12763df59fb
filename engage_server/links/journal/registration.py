"""Records which links there are, so that what they report can be judged without ``links.toml``.

The store learns of a link by an event, as of everything else. At each start and reload, the ingress reports all links
of its file. Of several processes that start within a minute, one does. It keeps a list of what it reported. By that
list, it reports which links are gone.

Hosts that share a database should have the same ``links.toml``. A host reports that a link is gone only if it reported
that link itself. If another host still has it, that host's next start or reload registers it again.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files import SECRET_MODE, read_file, replace_file
from engage_server.links.journal.desk import Journal
from engage_server.links.registry.links_file import Link
from engage_server.records import LINK_REGISTERED, LINK_REMOVED, PathEvent, PathSays
from engage_server.services.site_path.fold import EXPECTS_SECONDS, PARTNER

LIST_FILE = "registered.json"
_MAX_LIST_BYTES = 4 * 1024 * 1024
_SECONDS_TO_START = 60.0

_Registered = Mapping[str, tuple[str, str, int]]


def register_links(links: Iterable[Link], journal: Journal, folder: Path, at: datetime) -> bool:
    """Report all links, and those that are gone since the last time.

    Args:
        links: All links of the file.
        journal: Where the reports go.
        folder: Where the list is kept. It must exist.
        at: Now; aware.

    Returns:
        False if they could not be kept. Then the next start reports them again.

    Raises:
        FileNotUsable: The list cannot be written.
    """
    before, now = _read(folder / LIST_FILE), {link.name: _shape(link) for link in links}
    is_known = _is_fresh(folder / LIST_FILE, at)
    events = [_registered(name, shape, at) for name, shape in now.items() if not is_known or before.get(name) != shape]
    events += [_removed(name, shape[0], at) for name, shape in before.items() if name not in now]
    if not events:
        return True
    if not journal.record(events):
        return False
    replace_file(folder / LIST_FILE, json.dumps(now, indent=1).encode(), SECRET_MODE)
    return True


def _is_fresh(path: Path, at: datetime) -> bool:
    """Whether another process has just reported everything."""
    try:
        return abs(at.timestamp() - path.stat().st_mtime) < _SECONDS_TO_START
    except OSError:
        return False


def _shape(link: Link) -> tuple[str, str, int]:
    return link.site, link.partner, round(60 * (link.expects_every_minutes or 0))


def _registered(name: str, shape: tuple[str, str, int], at: datetime) -> PathEvent:
    site, partner, seconds = shape
    detail = {PARTNER: partner, EXPECTS_SECONDS: str(seconds)}
    return PathEvent(site, name, at, LINK_REGISTERED, PathSays.NOTHING, detail)


def _removed(name: str, site: str, at: datetime) -> PathEvent:
    return PathEvent(site, name, at, LINK_REMOVED, PathSays.NOTHING)


def _read(path: Path) -> _Registered:
    """Read the list. One that cannot be read is empty: then every link is reported again, which harms nothing."""
    try:
        found = json.loads(read_file(path, limit=_MAX_LIST_BYTES))
        return {str(name): (str(site), str(partner), int(pause)) for name, (site, partner, pause) in found.items()}
    except (FileNotUsable, ValueError, TypeError, AttributeError, RecursionError):
        return {}
