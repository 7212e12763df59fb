"""Diagnoses what is wrong with a device, as far as it can be seen from outside: the likely cause, and the fix. Pure.

The store has the same conditions as SQL (``adoption_queries.is_in_trouble``), so that only devices that may have a
problem are read. A property test checks that the SQL lets through every device that :func:`diagnose` names.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from engage_server.protocol.event_codes import TROUBLE_CODES, sentence_of_report
from engage_server.records import AGAIN_AND_AGAIN, RECENT_TROUBLE, CutPath, DeviceHistory

# what a device's alert means (RFC 8446 section 6.2)
_ALERTS = {
    "alert unknown_ca": "it reports unknown_ca: its anchor did not issue this chain",
    "alert certificate_expired": "it reports certificate_expired: by its clock a certificate has expired",
    "alert bad_certificate": "it reports bad_certificate: a certificate is unreadable, or not valid yet by its clock",
    "alert certificate_unknown": "it reports certificate_unknown: it does not accept something about the chain",
    "alert internal_error": "it reports internal_error: it does not accept something about the chain, or its name",
    "alert unsupported_certificate": "it reports unsupported_certificate: it does not support a key or signature",
    "alert handshake_failure": "it reports handshake_failure: it shares no TLS version or cipher suite with this host",
    "alert protocol_version": "it reports protocol_version: it is too old for this host's TLS versions",
}

BEHIND_PATH = "path"  # the case of a device that is silent because of the path to its site
OPEN_PORT_80 = "Open port 80 between it and this server."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What seems to be wrong with a device.

    Attributes:
        code: A stable code: ``loop``, ``anchor_refused``, ``no_return``, ``no_download``, ``refuses``, ``silent``,
            ``reports``, ``asks_again``, ``elsewhere``, ``contested``, ``other_site``.
        cause: The likely cause.
        mend: What to do.
        case: Separates what has one code and needs something else: ``stuck``, ``host``, ``path``. "" for the usual.
    """

    code: str
    cause: str
    mend: str
    case: str = ""

    @property
    def key(self) -> str:
        """What it is, more exactly than by its code."""
        return self.case or self.code


def has_no_download(device: DeviceHistory) -> bool:
    """Whether it asked for the notice again and again, and no download is known to be its own."""
    return device.notices >= AGAIN_AND_AGAIN and not device.certificates


def fetches_nothing(device: DeviceHistory) -> bool:
    """Whether it refused TLS again and again, and neither asked for the notice nor downloaded an anchor since.

    A device that could fetch the anchor would have done so after the first refusal.
    """
    return device.refusals >= AGAIN_AND_AGAIN and not device.notices and not device.certificates


def since_when(device: DeviceHistory) -> str:
    """Since when it refuses TLS: its first refusal came after it last came through."""
    if device.finished_at is not None:
        return f"since it came through last, at {device.finished_at:%Y-%m-%d %H:%M} UTC"
    return f"since {device.first_seen:%Y-%m-%d %H:%M} UTC"


def diagnose(
    device: DeviceHistory,
    now: datetime,
    hosts: Collection[str] = (),
    shared_addresses: Collection[str] = (),
    path: CutPath | None = None,
) -> Diagnosis | None:
    """The most serious problem of a device; None if nothing is wrong.

    What links say changes the words for a silence, and nothing else.

    Args:
        device: What is known about it.
        now: The time, timezone-aware.
        hosts: The hosts of its site, if known. A device that calls another host refuses TLS for that reason.
        shared_addresses: Addresses of several devices. No download from there is known to be of one of them.
        path: The path to its site, if it is or was cut.
    """
    alert = _ALERTS.get(device.failure, f"its last handshake ended with {device.failure!r}")
    if device.refusals and device.host and device.host not in (hosts or (device.host,)):
        return _calls_another_host(device, alert)
    if device.certificates >= AGAIN_AND_AGAIN and device.refusals:
        return Diagnosis(
            "loop",
            f"it asks, downloads, refuses TLS, and starts again ({device.certificates} times); {alert}",
            "The TLS chain does not lead to the anchor that it downloads. Check whether something in front terminates "
            "TLS: 'engage chain check HOST --site-key-file FILE'. Check the device's clock as well.",
        )
    if device.anchor_failed_at is not None:
        return Diagnosis(
            "anchor_refused",
            f"its report of {device.anchor_failed_at:%Y-%m-%d %H:%M} UTC says that it did not accept the new anchor ("
            f"{sentence_of_report(device.report)}). It keeps its anchor, and is locked out when that one expires",
            "If the hash does not match, it has another site key: commission it again. Otherwise press 'update from "
            "server' in the vendor's app, and check that it can reach port 80.",
        )
    if device.certificates >= AGAIN_AND_AGAIN:
        return Diagnosis(
            "no_return",
            f"it downloaded the anchor {device.certificates} times and never came back by TLS. Most likely it has "
            "another site key and drops its downloads. Or port 443 is closed to it, or leads elsewhere",
            "Commission it again with this site's key. Check port 443 from its network.",
        )
    if has_no_download(device):
        return _without_download(device, is_shared=device.home in shared_addresses)
    if fetches_nothing(device):
        return Diagnosis(
            "refuses",
            f"it has refused TLS {device.refusals} times {since_when(device)}. It has not fetched the new anchor: "
            f"port 80 is probably closed to it; {alert}",
            f"{OPEN_PORT_80} Then press 'update from server' in the vendor's app.",
            case="stuck",
        )
    if device.refusals:
        return Diagnosis(
            "refuses",
            alert,
            "It should ask for the anchor by itself. If it does not, press 'update from server' in the vendor's app.",
        )
    by_address = _by_address(device, now)
    if by_address is not None:
        return by_address
    if device.due_at < now:
        return _silent(device, now, path)
    return _lately(device, now)


def _silent(device: DeviceHistory, now: datetime, path: CutPath | None) -> Diagnosis:
    silence = f"it has not called for {(now - device.last_seen).days} days, longer than its habit"
    if path is not None and path.excuses(device.due_at, device.last_seen, now):
        if path.cut.until is None:
            since = f"{path.cut.since:%Y-%m-%d %H:%M} UTC"
            why = f"{silence}: the path to its site is cut since {since}, {path.why}"
            return Diagnosis("silent", why, path.mend, case=BEHIND_PATH)
        why = f"{silence}: the path to its site was cut until {path.cut.until:%Y-%m-%d %H:%M} UTC. It may come tonight"
        return Diagnosis(
            "silent", why, "Wait for a night. If it does not come, check its battery and WiFi.", BEHIND_PATH
        )
    return Diagnosis(
        "silent",
        f"{silence}: battery, network, or locked out for good",
        "Check its battery and WiFi. 'update from server' in the vendor's app makes it call.",
    )


def answered_by_another_site(serial: str, listed: str, answered: str) -> Diagnosis:
    """A device that is on one site's list, and that only another site ever answered.

    Args:
        serial: Its serial number.
        listed: The site with the list.
        answered: The other site.
    """
    return Diagnosis(
        "other_site",
        f"it is listed at {listed}, but calls a host of {answered}: it gets the anchor and the chain of {answered}",
        f"Let it call a host of {listed}. If it has the site key of {answered}: engage device remove {serial} --site "
        f"{listed}, then engage device add {serial} --site {answered}",
    )


def elsewhere_unnamed(site: str) -> Diagnosis:
    """The same, for somebody who may not know of the other site."""
    return Diagnosis(
        "other_site",
        f"it has to do with {site} and with another site: one of them lists it, and it calls a host of the other",
        "Let it call a host of the site that lists it. If it has the other site's key, list it there instead.",
    )


def _without_download(device: DeviceHistory, *, is_shared: bool) -> Diagnosis:
    """A download and a handshake carry no serial number: at a shared address they may be any of its devices'."""
    if not is_shared:
        return Diagnosis(
            "no_download",
            f"it asked for the notice {device.notices} times and downloaded nothing: it cannot reach the address in it",
            "Make the host and port of cert_url reachable from its network. See the setting public_http_port.",
        )
    return Diagnosis(
        "no_download",
        f"it asked for the notice {device.notices} times. Several devices call from {device.home}, so it is not "
        "known whether it downloaded. Either it cannot reach the address in the notice (cert_url), or it has another "
        "site key and drops its downloads, or it refuses TLS",
        "Check from its network that the host and port of cert_url can be reached: 'engage lock fetch HOST "
        "--site-key-file FILE'. If they can, commission it again with this site's key.",
    )


def _calls_another_host(device: DeviceHistory, alert: str) -> Diagnosis:
    return Diagnosis(
        "refuses",
        f"it calls {device.host}, which site {device.site} does not have: the certificate is not valid for it; {alert}",
        "Add this host to the site (engage site change) and rotate. Or let the device call another host.",
        case="host",
    )


def _lately(device: DeviceHistory, now: datetime) -> Diagnosis | None:
    if device.reported_at is not None and now - device.reported_at <= RECENT_TROUBLE and _is_trouble(device.report):
        return Diagnosis(
            "reports",
            f"its report of {device.reported_at:%Y-%m-%d %H:%M} UTC says: {sentence_of_report(device.report)}",
            "It has called since, so it is not locked out. If this happens again, check its network and its clock.",
        )
    asked = device.asked_again_at
    if asked is not None and now - asked <= RECENT_TROUBLE and not _finished_since(device, asked):
        return Diagnosis(
            "asks_again",
            f"it asked by plain HTTP at {asked:%Y-%m-%d %H:%M} UTC although it had accepted this same "
            "chain: a factory reset, somebody who pressed update, or tampering",
            "Find out who was at the door.",
        )
    return None


def _finished_since(device: DeviceHistory, asked: datetime) -> bool:
    """Whether it finished TLS after it had asked.

    Times are whole seconds. The same second means after: a question within a second of a finish is not counted.
    """
    return device.finished_at is not None and device.finished_at >= asked


def _by_address(device: DeviceHistory, now: datetime) -> Diagnosis | None:
    if device.due_at < now and device.away_seen_at is not None and device.away_seen_at > device.last_seen:
        since = device.away_since or device.away_seen_at
        return Diagnosis(
            "elsewhere",
            f"it is silent at its usual address {device.home}. Its serial number has called from "
            f"{device.away} since {since:%Y-%m-%d}: a new address of the device, or somebody else",
            "If it keeps calling from there, it counts from the third night on. If no device has that address, "
            "find out whose it is.",
        )
    if device.is_contested:
        return Diagnosis(
            "contested",
            f"it is seen at {device.home} and at {device.away} alternately: somebody uses its serial number, or it has "
            "two routes to this host",
            "Find out which address is the device's. It counts again when the other one is silent for three nights. Or "
            "forget it ('engage device forget'): the first address that it then calls from becomes its own.",
        )
    return None


def _is_trouble(report: str) -> bool:
    return report[:4] in TROUBLE_CODES
