"""Reads the files of a form: a chain with its key, as PEM files or as one PKCS#12 file, as the API's bodies have it."""

import base64
from typing import Any

from engage_server.errors import UsageError
from engage_server.web.console.visit import Visit

_PEM = b"-----BEGIN "


def sent_chain(visit: Visit, name: str, passphrase: str = "passphrase") -> dict[str, Any] | None:
    """What was chosen in a file field, for a body of the API. None if nothing was.

    Args:
        visit: The form.
        name: The field. It may take several PEM files, which belong together.
        passphrase: The field with what opens them.

    Raises:
        UsageError: Several files were chosen, and one of them is not PEM (``content.several_files``).
    """
    contents = [content for file in visit.uploads(name) if (content := file.read())]
    if not contents:
        return None
    opened_by = visit.fields.get(passphrase, "")
    opening = {"passphrase": opened_by} if opened_by else {}
    if all(_PEM in content for content in contents):
        return {"pem": b"\n".join(contents).decode("utf-8", "replace"), **opening}
    if len(contents) > 1:
        raise UsageError(
            "several files were chosen, and one of them is not PEM",
            "Choose files that end in .pem and .key. Or choose one PKCS#12 file.",
            code="content.several_files",
        )
    return {"base64": base64.b64encode(contents[0]).decode(), **opening}
