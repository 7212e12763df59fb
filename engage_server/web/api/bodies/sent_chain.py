"""A chain in a body, with the private key of its server certificate."""

import base64
import binascii

from pydantic import Field, SecretStr, model_validator

from engage_server.records import Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.sent.reading import OpenSent, read_sent
from engage_server.web.api.route import Body

_MOST_CHARACTERS = 200_000


class SentChain(Body):
    """A chain with the private key of its server certificate. Send either ``pem`` or ``base64``."""

    pem: SecretStr | None = Field(None, max_length=_MOST_CHARACTERS)
    """All certificates with the root, and the private key, one after the other as PEM."""
    base64: SecretStr | None = Field(None, max_length=_MOST_CHARACTERS)
    """The same as one PKCS#12 file, in Base64."""
    passphrase: SecretStr | None = Field(None, max_length=1024)
    """Opens the PKCS#12 file, or an encrypted key."""

    @model_validator(mode="after")
    def _one_form(self) -> "SentChain":
        if (self.pem is None) == (self.base64 is None):
            raise ValueError("one of pem and base64")
        if self.base64 is not None:
            try:
                base64.b64decode(self.base64.get_secret_value(), validate=True)
            except binascii.Error:
                raise ValueError("Base64 in the field base64") from None
        return self

    @property
    def content(self) -> bytes:
        """What was sent."""
        if self.pem is not None:
            return self.pem.get_secret_value().encode()
        return base64.b64decode(self.base64.get_secret_value() if self.base64 else "")

    @property
    def opened_by(self) -> Secret | None:
        """The passphrase."""
        return Secret(self.passphrase.get_secret_value().encode()) if self.passphrase else None

    def material(self, open_apart: OpenSent) -> ChainMaterial:
        """The chain and its key.

        Args:
            open_apart: Opens it in a process that can be stopped: see :attr:`.Call.open_sent`.

        Raises:
            EngageError: As :class:`OpenSent`.
        """
        return read_sent(self.content, self.opened_by, open_apart)
