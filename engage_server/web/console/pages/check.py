"""Check: a chain that somebody drops here, what is wrong with it, and how much of a device's memory it takes."""

import base64
from collections.abc import Mapping
from typing import Any

from engage_server.errors import UsageError
from engage_server.services.access.permissions import Act, may
from engage_server.web.api.route import Scope
from engage_server.web.api.routes import chain_check
from engage_server.web.console.acting import act_by
from engage_server.web.console.page import Form, Page
from engage_server.web.console.pictures import chain_bytes
from engage_server.web.console.visit import Visit

_PATH = "/check"
_MOST_BYTES = 256 * 1024
_DER = b"\x30"  # a SEQUENCE, with which every certificate begins
_PROFILES = (
    ("any", "any device"),
    ("nde", "NDE lock"),
    ("le", "LE lock"),
    ("mt20w", "MT20W reader"),
    ("gateway", "gateway"),
)
_BADGES = {"error": "high", "warning": "medium", "note": "low"}


def show(visit: Visit) -> Mapping[str, Any]:
    """The form."""
    sites = [site for site in visit.services.sites.all() if may(visit.actor, Act.SITE_SEE, site.name)]
    options = [("", "no site"), *((each.name, each.title or each.name) for each in sites)]
    return {"sites": options, "profiles": _PROFILES, "badges": _BADGES, "result": None}


def check(visit: Visit) -> Mapping[str, Any]:
    """Check what was sent. Nothing of it is kept, so the result is shown at once."""
    route = chain_check.ROUTES[0]
    body: dict[str, Any] = {
        "pem": _pem(visit, "chain", visit.fields.get("pem", "")),
        "profile": visit.typed("profile", "any"),
    }
    anchor = _pem(visit, "anchor", "", required=False)
    hosts = visit.fields.get("hosts", "").replace(",", " ").split()
    site = visit.typed("site")
    body |= {"anchor": anchor} if anchor else {}
    body |= {"site": site} if site else {"hosts": hosts}
    (target,) = act_by(route, visit, body).content["targets"]
    return {"result": target, "picture_of_bytes": _picture(target)}


def _picture(target: Mapping[str, Any]) -> Any:
    parts = [
        chain_bytes.Part(each["role"], each["name"], each["der_bytes"])
        for each in target["certificates"]
        if each["counted"]
    ]
    if not parts:
        return None
    limit = target["total_der_bytes"] + target["left_der_bytes"]
    return chain_bytes.picture(chain_bytes.ChainBytes(tuple(parts), limit, None))


def _pem(visit: Visit, name: str, typed: str, *, required: bool = True) -> str:
    """What was uploaded in this field, or typed, as PEM. A DER file is one certificate."""
    upload = visit.files.get(name)
    content = upload.read() if upload is not None else b""
    if content.startswith(_DER):
        lines = base64.encodebytes(content).decode()
        return f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n"
    text = content.decode("utf-8", "replace") or typed
    if required and not text.strip():
        raise UsageError("there is no chain to check", "Choose a file, or paste the certificates.", code="check.empty")
    return text


PAGES = (
    Page(
        "check",
        _PATH,
        "Check a chain",
        Act.CHAIN_CHECK,
        show,
        Scope.SOMEWHERE,
        forms=(Form(_PATH, Act.CHAIN_CHECK, check, Scope.SOMEWHERE, _MOST_BYTES),),
    ),
)
