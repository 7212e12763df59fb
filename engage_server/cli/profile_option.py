"""``--profile``: what a kind of device can hold."""

from pathlib import Path

from engage_server.checks import PROFILES, DeviceProfile
from engage_server.checks.profile import own_profile
from engage_server.errors import UsageError
from engage_server.files import read_file

_MAX_PROFILE_BYTES = 1 << 16


def profile_of(name: str) -> DeviceProfile:
    """The limits that ``--profile`` names.

    Raises:
        UsageError: It is neither a profile nor a file.
        SettingsInvalid: The file is no profile.
    """
    if name in PROFILES:
        return PROFILES[name]
    if not Path(name).is_file():
        raise UsageError(f"there is no profile {name!r}", f"Use one of {', '.join(PROFILES)}, or a TOML file.")
    return own_profile(read_file(Path(name), limit=_MAX_PROFILE_BYTES).decode("utf-8", "replace"), name)
