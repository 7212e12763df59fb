"""Uploads that a partner's system refused."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.services.waiting.refused_uploads import RefusedUpload


class RefusedUploadJson(Shape):
    """One of them."""

    upload: str
    """The name of its file, which identifies it."""
    site: str
    """The name of its site."""
    device: str
    """The serial number of its device. Without one: ``at-`` and its address."""
    status: int
    """What the system answered."""
    refused_at: Instant
    """When it was refused, or tried again in vain."""
    bytes: int
    """How many bytes its file has."""


def refused_upload_json(site: str, upload: RefusedUpload) -> RefusedUploadJson:
    """One of them."""
    return {
        "upload": upload.name,
        "site": site,
        "device": upload.device,
        "status": upload.status,
        "refused_at": upload.refused_at.isoformat(timespec="seconds"),
        "bytes": upload.bytes,
    }
