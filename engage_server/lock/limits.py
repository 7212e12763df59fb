"""The limits of a device: what it can hold and how long it waits."""

from dataclasses import dataclass
from typing import Self

from engage_server.checks.profile import DeviceProfile
from engage_server.pki.byte_budget import MAX_CHAIN_DER_BYTES
from engage_server.pki.keys import RSA_KEY_BITS
from engage_server.protocol.notice import MAX_CERT_URL_CHARACTERS


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """The limits of one kind of device.

    Attributes:
        chain_der_bytes: The most bytes of DER for the whole chain, root included (host server page, important note).
        rsa_key_bits: The longest RSA key, in bits (host server page, note 2).
        cert_url_characters: The longest ``cert_url`` (reported from the field).
        header_bytes: The largest header block of a response (our assumption).
        body_bytes: The largest body of a response (our assumption: the same as for a chain).
        seconds: How long it waits on each connection (our assumption).
    """

    chain_der_bytes: int = MAX_CHAIN_DER_BYTES
    rsa_key_bits: int = RSA_KEY_BITS
    cert_url_characters: int = MAX_CERT_URL_CHARACTERS
    header_bytes: int = 4096
    body_bytes: int = MAX_CHAIN_DER_BYTES
    seconds: float = 10.0

    @classmethod
    def of_profile(cls, profile: DeviceProfile, seconds: float = 10.0) -> Self:
        """The limits of a kind of device, from the same table as in the chain check."""
        return cls(
            chain_der_bytes=profile.chain_der_bytes,
            rsa_key_bits=profile.rsa_key_bits,
            body_bytes=profile.chain_der_bytes,
            seconds=seconds,
        )
