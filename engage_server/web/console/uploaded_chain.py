"""A chain with its private key as a form uploads it: several PEM files, or one PKCS#12 file."""

import base64
import re
from collections.abc import Iterable

from engage_server.errors import UsageError
from engage_server.web.console.visit import Visit

MOST_BYTES = 300_000
"""Of a form with such an upload."""
_PEM = b"-----BEGIN "
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def uploaded_chain(visit: Visit, name: str = "chain") -> dict[str, str]:
    """What was uploaded, with the fields of :class:`engage_server.web.api.bodies.sent_chain.SentChain`.

    Args:
        visit: The form that was sent.
        name: Of its field. The passphrase has the same with ``-passphrase``.

    Raises:
        UsageError: No file was chosen (``content.empty``). Or there are several, and one of them is not PEM
            (``content.no_certificate``). Or there are several private keys (``content.keys``).
    """
    files = [(each.filename or "", each.read()) for each in visit.uploads(name)]
    if not any(content for _, content in files):
        raise UsageError(
            "no file was chosen", "Choose the files of the chain, with its private key.", code="content.empty"
        )
    _assert_one_key(content for _, content in files)
    passphrase = visit.fields.get(f"{name}-passphrase", "")
    return _content(files) | ({"passphrase": passphrase} if passphrase else {})


def _assert_one_key(contents: Iterable[bytes]) -> None:
    """Refuse what holds the keys of CAs as well: who chooses a whole folder sends them by mistake."""
    keys = sum(len(_KEY.findall(content)) for content in contents)
    if keys > 1:
        raise UsageError(
            f"the files hold {keys} private keys, and a server needs one",
            "Nothing of them was kept. Leave out the keys of the root and the intermediate.",
            code="content.keys",
        )


def _content(files: list[tuple[str, bytes]]) -> dict[str, str]:
    others = [called for called, content in files if _PEM not in content]
    if not others:
        return {"pem": "\n".join(content.decode("utf-8", "replace") for _, content in files)}
    if len(files) > 1:
        raise UsageError(
            f"{others[0]} is no PEM file, and several files were chosen",
            "Choose PEM files alone, or one PKCS#12 file alone.",
            code="content.no_certificate",
        )
    return {"base64": base64.b64encode(files[0][1]).decode()}
