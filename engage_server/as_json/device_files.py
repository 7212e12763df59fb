"""Devices' files, and lists of devices, as they were put."""

from engage_server.as_json.formats import Shape
from engage_server.services.device_files.for_devices import FileForDevice, VersionedFile


class PutFileJson(Shape):
    """A file that was put for a device."""

    serial: str
    """The serial number of the device."""
    site: str
    """The name of its site."""
    file: FileForDevice
    """Which file."""
    version: str | None
    """The ``nxtDbVerTS`` of the database, as it was sent. Null: the file is no database."""
    bytes: int
    """How many bytes the file has on this host, where it is written compactly."""


class AddedDevicesJson(Shape):
    """What became of a list of devices."""

    site: str
    """The name of the site."""
    added: int
    """How many of them were on no list before."""
    already_there: int
    """How many of them were on the site's list already."""


class ForgottenDeviceJson(Shape):
    """A device of which nothing is known any more at its site."""

    serial: str
    """Its serial number."""
    site: str
    """The name of the site."""


def put_file_json(site: str, serial: str, file: FileForDevice, put: VersionedFile) -> PutFileJson:
    """A file that was put for a device."""
    version = put.content.get("nxtDbVerTS") if file is FileForDevice.DATABASE else None
    return {
        "serial": serial,
        "site": site,
        "file": file,
        "version": None if version is None else str(version),
        "bytes": put.length,
    }
