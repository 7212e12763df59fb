"""Which site a call is for, and whose it is: by what it says of itself. None of that is proof.

1. Whatever stands outside the body was read when the call came: the query, the token, an earlier request's serial.
2. The site is chosen by the query's serial number, or the earlier request's.
3. The site says whether it takes this call at all; only then is the body read.
4. A serial number that the body tells may belong to another site, so the site is chosen once more.
5. A call that tells none may be known by its token, if that reads as the serial number of a known device.
"""

from dataclasses import dataclass

from engage_server.errors import BodyInvalid
from engage_server.protocol.caller_serial import serial_from_body
from engage_server.protocol.json_body import Json, read_device_json
from engage_server.services.call_in.call import NOT_FOUND, UNAUTHORIZED, UNREADABLE, Call, CallAnswer, CallKind
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.distribution.lookup import CallInSite, Distribution, Refusal


@dataclass(frozen=True, slots=True)
class Identified:
    """A call whose site is known, and whose it is, as far as that can be.

    Attributes:
        site: The site, and how it answers.
        serial: Whose call; None where it does not say.
        value: The body, read; None where there is none to read.
    """

    site: CallInSite
    serial: str | None
    value: Json


class Identification:
    """Finds out.

    Args:
        distribution: Knows the sites.
        folders: Of devices: who has one is known.
    """

    def __init__(self, distribution: Distribution, folders: DeviceFolders) -> None:
        self._distribution = distribution
        self._folders = folders

    def identify(self, call: Call) -> Identified | CallAnswer:
        """The site and the device, or the answer to a call that no site takes."""
        asked, by_token = call.claims.asked, call.claims.by_token
        serial = asked or call.said_before
        site = self._site(call, serial)
        if isinstance(site, CallAnswer):
            return site
        try:
            value = read_device_json(call.body) if call.kind is not CallKind.DATABASE else None
        except BodyInvalid:
            return UNREADABLE
        told = asked or serial_from_body(value) or call.said_before
        if told != serial:
            site = self._site(call, told)
            if isinstance(site, CallAnswer):
                return site
        if told is None and by_token is not None:
            return self._by_token(call, site, by_token, value)
        return Identified(site, told, value)

    def is_known(self, site: CallInSite, serial: str) -> bool:
        """Whether a device is on the site's list, or has a folder there."""
        return site.is_member or self._folders.exists(site.name, serial)

    def _site(self, call: Call, serial: str | None) -> CallInSite | CallAnswer:
        """The site that takes this call, or why none does."""
        site = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(site, Refusal):
            return UNAUTHORIZED
        return site if site.name and (call.secure or site.call_in.insecure) else NOT_FOUND

    def _by_token(self, call: Call, site: CallInSite, serial: str, value: Json) -> Identified:
        """A token may read as a serial number by chance: it counts only as that of a device that is known."""
        found = self._site(call, serial)
        if isinstance(found, CallAnswer) or not self.is_known(found, serial):
            return Identified(site, None, value)
        return Identified(found, serial, value)
