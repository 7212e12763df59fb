"""Sites, and how they answer call-ins."""

from typing import Any

from engage_server.records import CallIn, Site


def site_json(of: Site, current: int | None) -> dict[str, Any]:
    """A site; never its key.

    Args:
        of: The site.
        current: The release that it serves; None for none.
    """
    return {
        "site": of.name,
        "name": of.name,
        "default": of.is_default,
        "hosts": [host.text for host in of.hosts],
        "anchor": of.anchor.value,
        "device_networks": [str(network) for network in of.device_networks],
        "local_addresses": list(of.local_addresses),
        "evidence": of.evidence.value,
        "for_trials": of.for_trials,
        "approvals": of.approvals,
        "current_release": current,
        **call_in_json(of.call_in),
        "created_at": of.created_at.isoformat(),
    }


def call_in_json(call_in: CallIn) -> dict[str, Any]:
    """How a site answers call-ins."""
    upstream = call_in.upstream
    return {
        "call_in": str(call_in.way),
        "insecure_call_in": call_in.insecure,
        "unknown_devices": str(call_in.unknown),
        "upstream": None
        if upstream is None
        else {
            "url": upstream.url,
            "timeout_seconds": upstream.timeout_seconds,
            "own_trust": bool(upstream.trust_pem),
        },
    }
