"""Which tokens prove their device: asked where the site keys can be opened, when sightings go into the store."""

from collections.abc import Callable
from dataclasses import replace

from engage_server.errors import EngageError
from engage_server.protocol.device_token import verify
from engage_server.records import Secret, Sighting


class TokenCheck:
    """Holds the tokens of sightings against the key of their site.

    Args:
        site_key: Opens the key of a site; raises EngageError where that cannot be done.
    """

    def __init__(self, site_key: Callable[[str], Secret]) -> None:
        self._site_key = site_key
        self._keys: dict[str, Secret | None] = {}

    def begin(self) -> None:
        """Another run: a key that could not be opened is asked for again, once."""
        self._keys = {site: key for site, key in self._keys.items() if key is not None}

    def checked(self, sighting: Sighting, token: str) -> Sighting:
        """The sighting with what its token proves. A wrong one is no fault: the sighting is as if it had come without.

        A handshake without a serial number gets the token's.
        """
        key = self._key(sighting.site) if sighting.site is not None else None
        proof = verify(token, key, sighting.serial, sighting.at) if key is not None else None
        if proof is None:
            return sighting
        return replace(sighting, serial=proof.serial, authenticated=True, token_time=proof.time)

    def _key(self, site: str) -> Secret | None:
        """A site key never changes, so it is opened once."""
        if site not in self._keys:
            try:
                self._keys[site] = self._site_key(site)
            except EngageError:  # no such site any more, or no key-encryption key: then nothing is proved
                self._keys[site] = None
        return self._keys[site]
