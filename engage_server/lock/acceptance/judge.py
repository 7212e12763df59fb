"""Decides whether devices would accept a chain, and which firmware would not. Used to plan a rotation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography import x509

from engage_server.lock.acceptance.without_socket import assert_accepted
from engage_server.lock.firmware import QUESTIONS, Firmware, answer_in_words
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal

# questions that do not affect the judgement of a chain
_NOT_ABOUT_CHAINS = {"sends_server_name", "sends_query", "newest_tls", "accepts_partial_chain"}


class DeviceJudge:
    """Judges a chain as the virtual lock does in its handshake: OpenSSL validates, and our limits apply.

    Args:
        limits: The limits of the devices.
        accepts_partial_chain: Whether devices accept an anchor that is not a root. Required if the site has one.
    """

    def __init__(self, limits: DeviceLimits, *, accepts_partial_chain: bool) -> None:
        self._limits = limits
        self._firmware = Firmware(accepts_partial_chain=accepts_partial_chain)

    def refusal(self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime) -> str:
        """The reason why a device with this anchor refuses the chain; "" if it accepts it."""
        return self._refusal(self._firmware, sent, anchor, host, now)

    def doubts(
        self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime
    ) -> tuple[str, ...]:
        """Describe the kinds of firmware that would refuse a chain which most devices accept."""
        found = []
        for question, answers in QUESTIONS.items():
            if question in _NOT_ABOUT_CHAINS:
                continue
            for answer in answers:
                change: dict[str, Any] = {question: answer}
                why = self._refusal(replace(self._firmware, **change), sent, anchor, host, now)
                if why:
                    found.append(f"devices that {answer_in_words(question, answer)} would refuse it: {why}")
        return tuple(found)

    def _refusal(
        self,
        firmware: Firmware,
        sent: Sequence[x509.Certificate],
        anchor: x509.Certificate,
        host: str,
        now: datetime,
    ) -> str:
        try:
            assert_accepted(sent, anchor, host, now, self._limits, firmware)
        except DeviceRefusal as refusal:
            return refusal.sentence
        return ""
