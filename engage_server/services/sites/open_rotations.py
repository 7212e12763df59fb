"""Protects a site that an open rotation needs from changes."""

from engage_server.errors import Conflict
from engage_server.store.interface import RotationStore


def assert_in_no_open_rotation(store: RotationStore, site: str) -> None:
    """Refuse a change to a site that an open rotation needs.

    Raises:
        Conflict: A rotation of the site is open, or one that waits for it.
    """
    for rotation in store.rotations(None, only_open=True):
        if site in (rotation.site, *rotation.after):
            raise Conflict(
                f"a rotation of {rotation.site!r} is open and needs site {site!r}",
                f"Finish or abort it first: engage rotate status --site {rotation.site}",
                code="rotation.open",
            )
