"""What is wrong with a device, as far as it can be told from outside: the likely cause, and the mend. Pure.

The store has the same conditions as SQL (``adoption_queries._is_in_trouble``), to read only the devices that can be in
trouble; a property test holds that it lets through all that :func:`diagnose` names.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from engage_server.protocol.event_codes import TROUBLE_CODES, sentence_of_report
from engage_server.records import AGAIN_AND_AGAIN, RECENT_TROUBLE, DeviceHistory

# what a device's alert says of its view (RFC 8446 section 6.2)
_ALERTS = {
    "alert unknown_ca": "it says unknown_ca: the anchor that it holds did not issue this chain",
    "alert certificate_expired": "it says certificate_expired: by its clock a certificate has ended",
    "alert bad_certificate": "it says bad_certificate: by its clock a certificate is not valid yet, or is unreadable",
    "alert certificate_unknown": "it says certificate_unknown: something about the chain is not acceptable to it",
    "alert unsupported_certificate": "it says unsupported_certificate: a key or signature that it does not know",
    "alert handshake_failure": "it says handshake_failure: it shares no TLS version or cipher with this host",
    "alert protocol_version": "it says protocol_version: it is too old for this host's TLS versions",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What seems to be wrong.

    Attributes:
        code: Stable: ``loop``, ``anchor_refused``, ``no_return``, ``no_download``, ``refuses``, ``silent``,
            ``reports``, ``asks_again``, ``elsewhere``, ``contested``.
        cause: The likely cause.
        mend: What to do.
    """

    code: str
    cause: str
    mend: str


def diagnose(device: DeviceHistory, now: datetime, hosts: Collection[str] = ()) -> Diagnosis | None:
    """The gravest that can be said of a device; None when nothing is wrong.

    Args:
        device: What is known of it.
        now: Aware.
        hosts: What its site's devices call; a device that calls another one refuses TLS for that. Empty: not known.
    """
    alert = _ALERTS.get(device.failure, f"its last handshake ended with {device.failure!r}")
    if device.refusals and device.host and device.host not in (hosts or (device.host,)):
        return _calls_another_host(device, alert)
    if device.certificates >= AGAIN_AND_AGAIN and device.refusals:
        return Diagnosis(
            "loop",
            f"it asks, downloads, refuses TLS, and begins again ({device.certificates} times); {alert}",
            "The TLS chain does not lead to the anchor that it downloads: look for something in front that terminates "
            "TLS ('engage chain check HOST --site-key-file FILE'); and at the device's clock.",
        )
    if device.anchor_failed_at is not None:
        return Diagnosis(
            "anchor_refused",
            f"its audit of {device.anchor_failed_at:%Y-%m-%d %H:%M} UTC says that it did not take an anchor ("
            f"{sentence_of_report(device.report)}); it keeps the one that it has, and is locked out when that one ends",
            "If the hash does not match, it has another site key: commission it anew. Else press 'update from server' "
            "in the vendor's app, and look whether it can reach port 80.",
        )
    if device.certificates >= AGAIN_AND_AGAIN:
        return Diagnosis(
            "no_return",
            f"it downloaded the anchor {device.certificates} times and never came back by TLS: most likely it has "
            "another site key, and drops what it downloads; or port 443 is closed to it, or ends elsewhere",
            "Commission it anew with this site's key; check port 443 from its network.",
        )
    if device.notices >= AGAIN_AND_AGAIN and not device.certificates:
        return Diagnosis(
            "no_download",
            f"it asked for the notice {device.notices} times and downloaded nothing: it cannot reach the address in it",
            "Make the host and port of cert_url reachable from its network; see public_http_port.",
        )
    if device.refusals:
        return Diagnosis(
            "refuses", alert, "It should ask for the anchor by itself; if it does not, press update there."
        )
    by_address = _by_address(device, now)
    if by_address is not None:
        return by_address
    if device.due_at < now:
        days = (now - device.last_seen).days
        return Diagnosis(
            "silent",
            f"nothing was heard of it for {days} days, which is not its habit: battery, network, or locked out "
            "for good",
            "Look at its battery and WiFi; 'update from server' in the vendor's app makes it call.",
        )
    return _lately(device, now)


def _calls_another_host(device: DeviceHistory, alert: str) -> Diagnosis:
    return Diagnosis(
        "refuses",
        f"it calls {device.host}, which is no host of site {device.site}: the certificate is not for it; {alert}",
        "Give the site this host again (engage site change) and rotate; or let the device call another host.",
    )


def _lately(device: DeviceHistory, now: datetime) -> Diagnosis | None:
    if device.reported_at is not None and now - device.reported_at <= RECENT_TROUBLE and _is_trouble(device.report):
        return Diagnosis(
            "reports",
            f"its audit of {device.reported_at:%Y-%m-%d %H:%M} UTC says: {sentence_of_report(device.report)}",
            "It has called since, so it is no lock-out; if it comes again, look at its network and its clock.",
        )
    if device.asked_again_at is not None and now - device.asked_again_at <= RECENT_TROUBLE:
        return Diagnosis(
            "asks_again",
            f"it asked by plain HTTP at {device.asked_again_at:%Y-%m-%d %H:%M} UTC though it had accepted this very "
            "chain: a factory reset, a person who pressed update, or somebody who tampers with it",
            "Ask who was there.",
        )
    return None


def _by_address(device: DeviceHistory, now: datetime) -> Diagnosis | None:
    if device.due_at < now and device.away_seen_at is not None and device.away_seen_at > device.last_seen:
        since = device.away_since or device.away_seen_at
        return Diagnosis(
            "elsewhere",
            f"it is silent at its usual address {device.home}, and somebody with its serial number calls from "
            f"{device.away} since {since:%Y-%m-%d}: a new address of the device, or somebody else",
            "If it goes on calling from there, it counts from the third night on. If no device has that address, "
            "look who has.",
        )
    if device.is_contested:
        return Diagnosis(
            "contested",
            f"it is seen at {device.home} and at {device.away} by turns: somebody uses its serial number, or it has "
            "two ways to this host",
            "Find out which address is the device's. With the other one silent for three nights it counts again; or "
            "forget it ('engage device forget'): then the first address that it calls from is its own.",
        )
    return None


def _is_trouble(report: str) -> bool:
    return report[:4] in TROUBLE_CODES
