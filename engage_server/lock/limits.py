"""What a device can hold and how long it waits."""

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
        chain_der_bytes: Room for the whole chain, the root counted (host server page, important note).
        rsa_key_bits: The largest key (host server page, note 2).
        cert_url_characters: The longest ``cert_url`` (reported from the field).
        header_bytes: Room for a response's header block (our assumption).
        body_bytes: Room for a response's body (our assumption: as much as for a chain).
        seconds: Patience with each connection (our assumption).
    """

    chain_der_bytes: int = MAX_CHAIN_DER_BYTES
    rsa_key_bits: int = RSA_KEY_BITS
    cert_url_characters: int = MAX_CERT_URL_CHARACTERS
    header_bytes: int = 4096
    body_bytes: int = MAX_CHAIN_DER_BYTES
    seconds: float = 10.0

    @classmethod
    def of_profile(cls, profile: DeviceProfile, seconds: float = 10.0) -> Self:
        """The limits of a kind of device, from the one table that the chain check uses, too."""
        return cls(
            chain_der_bytes=profile.chain_der_bytes,
            rsa_key_bits=profile.rsa_key_bits,
            body_bytes=profile.chain_der_bytes,
            seconds=seconds,
        )
