"""The picture of a chain's bytes, from what a release holds."""

from engage_server.services.releases.views.contents import ReleaseContents
from engage_server.web.console.pictures import chain_bytes
from engage_server.web.console.pictures.drawing import Picture


def chain_picture(contents: ReleaseContents, name: str = "chain-bytes") -> Picture:
    """Draw it.

    Args:
        contents: What the release holds.
        name: Unique in the page.
    """
    parts = tuple(chain_bytes.Part(each.role, each.subject, each.der_bytes) for each in contents.certificates)
    budget = contents.budget
    return chain_bytes.picture(chain_bytes.ChainBytes(parts, budget.limit, budget.link_certificate_bytes), name)
