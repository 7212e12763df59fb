"""Records which database a device asked with, and which it was given.

An access-control system delivers a database, and a device fetches it in its next call-in. The version with which it
asks in the call-in after that is the version that it has. Nothing else says that it arrived.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engage_server.errors import BodyInvalid, EngageError
from engage_server.files import read_file
from engage_server.protocol.json_body import read_json
from engage_server.services.device_files.folder import DeviceFolder
from engage_server.services.device_files.uploads import stamp

GIVEN = ".given"  # not *.json: no import takes it for a device's file
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class GivenDatabase:
    """The last database call of a device.

    Attributes:
        at: When it was, to the second. For the same call again it may be up to an hour old.
        asked_with: The version that the device has, as it wrote it; "0" for none.
        version: The version that it was given.
    """

    at: datetime
    asked_with: str
    version: str


_WRITTEN_AGAIN_SECONDS = 3600


def record_given(
    folder: DeviceFolder, given: GivenDatabase, before: Callable[[GivenDatabase], None] = lambda given: None
) -> None:
    """Record a database call. A fault is ignored: the device still gets its database.

    Args:
        folder: The device's folder, with its lock held.
        given: The call.
        before: Called before anything is written, if there is something to write. If it raises, nothing is.
    """
    known = read_given(folder)
    if known is not None and replace(known, at=given.at) == given and _is_fresh(known, given):
        return
    with suppress(OSError, EngageError):
        before(given)
        folder.put_received(GIVEN, written_given(given))


def written_given(given: GivenDatabase) -> dict[str, str]:
    """How a call is written."""
    return {"at": stamp(given.at), "askedWith": given.asked_with[:32], "version": given.version}


def _is_fresh(before: GivenDatabase, given: GivenDatabase) -> bool:
    return 0 <= (given.at - before.at).total_seconds() < _WRITTEN_AGAIN_SECONDS


def read_given(folder: DeviceFolder) -> GivenDatabase | None:
    """The last database call; None if there was none, or if the record cannot be read."""
    path = folder.path / GIVEN
    with suppress(OSError, EngageError):
        return parsed_given(read_file(path, limit=_MAX_BYTES)) if path.exists() else None
    return None


def parsed_given(content: bytes) -> GivenDatabase | None:
    """Read what :func:`written_given` wrote. None if it cannot be read."""
    with suppress(BodyInvalid, KeyError, TypeError, ValueError):
        value = read_json(content)
        if isinstance(value, dict):
            at = datetime.strptime(str(value["at"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            return GivenDatabase(at, str(value["askedWith"]), str(value["version"]))
    return None
