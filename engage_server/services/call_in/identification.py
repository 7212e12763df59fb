"""Finds the site and the device of a call, by what the call says about itself. None of that is proof.

1. What is outside the body was read when the call came: the query, the token, an earlier request's serial number.
2. The site is chosen by the serial number in the query, or in the earlier request.
3. The site decides whether it accepts this call at all. Only then the body is parsed.
4. A serial number in the body may belong to another site, so the site is chosen again.
5. A call without a serial number is identified by its token, if that reads as the serial number of a known device.
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
    """The site of a call, and its device as far as possible.

    Attributes:
        site: The site, and how it answers.
        serial: The device's serial number; None if the call does not name it.
        value: The parsed body; None if there is none.
    """

    site: CallInSite
    serial: str | None
    value: Json


class Identification:
    """Identifies calls.

    Args:
        distribution: Knows the sites.
        folders: The devices' folders. A device with a folder is known.
    """

    def __init__(self, distribution: Distribution, folders: DeviceFolders) -> None:
        self._distribution = distribution
        self._folders = folders

    def identify(self, call: Call) -> Identified | CallAnswer:
        """The site and the device of a call, or the answer to a call that no site accepts."""
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
        """The site that accepts this call, or the answer if none does."""
        site = self._distribution.call_in(call.host, serial, call.address, call.local)
        if isinstance(site, Refusal):
            return UNAUTHORIZED
        return site if site.name and (call.secure or site.call_in.insecure) else NOT_FOUND

    def _by_token(self, call: Call, site: CallInSite, serial: str, value: Json) -> Identified:
        """Identify a call by its token, but only as a known device: a token may look like a serial number by chance."""
        found = self._site(call, serial)
        if isinstance(found, CallAnswer) or not self.is_known(found, serial):
            return Identified(site, None, value)
        return Identified(found, serial, value)
