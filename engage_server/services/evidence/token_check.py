"""Checks which tokens prove their device, when sightings go into the store. It needs the site keys."""

from collections.abc import Callable
from dataclasses import replace

from engage_server.errors import EngageError
from engage_server.protocol.device_token import verify
from engage_server.records import Secret, Sighting


class TokenCheck:
    """Checks the tokens of sightings with the key of their site.

    Args:
        site_key: Unseals the key of a site; raises EngageError if that is not possible.
    """

    def __init__(self, site_key: Callable[[str], Secret]) -> None:
        self._site_key = site_key
        self._keys: dict[str, Secret | None] = {}

    def begin(self) -> None:
        """Begin another run: a key that could not be unsealed is tried again, once."""
        self._keys = {site: key for site, key in self._keys.items() if key is not None}

    def checked(self, sighting: Sighting, token: str) -> Sighting:
        """The sighting with what its token proves. With a wrong token it is the same as without one.

        A handshake without a serial number gets the one in the token.
        """
        key = self._key(sighting.site) if sighting.site is not None else None
        proof = verify(token, key, sighting.serial, sighting.at) if key is not None else None
        if proof is None:
            return sighting
        return replace(sighting, serial=proof.serial, authenticated=True, token_time=proof.time)

    def _key(self, site: str) -> Secret | None:
        """The key of a site, unsealed once, because a site key never changes."""
        if site not in self._keys:
            try:
                self._keys[site] = self._site_key(site)
            except EngageError:  # the site was removed, or there is no key-encryption key: nothing is proven
                self._keys[site] = None
        return self._keys[site]
