"""Reads a chain and its key that somebody sent along.

To open a key or a container can take hours. It takes as many rounds as it says itself, and the numbers of a key are
tested for being prime. So it is opened where it can be stopped, which is not in the process that was asked.
"""

from contextlib import suppress
from pathlib import Path
from typing import Protocol

from engage_server.pki.paths.bundle import MustBeOpened, read_bundle
from engage_server.records import Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.material import read_material

_SENT = Path("-")  # how messages call what was sent along


class OpenSent(Protocol):
    """Reads the chain and the key in what was sent."""

    def __call__(self, content: bytes, passphrase: Secret | None) -> ChainMaterial:
        """Read them.

        Args:
            content: What was sent: PEM, or PKCS#12.
            passphrase: Opens PKCS#12, or an encrypted key.

        Raises:
            CertificateInvalid: They are not a chain, or more than one. Or it takes too long to find out
                (``content.too_dear``).
            PrivateKeyInvalid: There is no key that a server could use.
            NotPossible: Too many are being opened already (``server.busy``).
        """


def read_sent(content: bytes, passphrase: Secret | None, open_apart: OpenSent) -> ChainMaterial:
    """Read a chain and its key. What cannot hold them is refused at once, and costs nothing more.

    Args:
        content: What was sent.
        passphrase: Opens it.
        open_apart: Opens it where it can be stopped.

    Raises:
        EngageError: As :class:`OpenSent`.
    """
    with suppress(MustBeOpened):
        read_bundle(content, source=str(_SENT), opens=False)
    return open_apart(content, passphrase)


def open_here(content: bytes, passphrase: Secret | None) -> ChainMaterial:
    """Open it in this process, however long it takes. See :class:`OpenSent`."""
    return read_material((_SENT,), passphrase, lambda: content)
