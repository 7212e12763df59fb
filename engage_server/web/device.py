"""What devices call: the notice and the trust anchor."""

from flask import Blueprint

from engage_server.protocol import paths
from engage_server.services.distribution import Distribution, Refusal
from engage_server.web import answers
from engage_server.web.caller import CallerReader

_REFUSALS = {
    Refusal.UNKNOWN_NETWORK: answers.unauthorized,
    Refusal.NOTHING_CURRENT: answers.unavailable,
    Refusal.NO_SUCH_CERTIFICATE: answers.not_found,
}


def blueprint(distribution: Distribution, caller: CallerReader) -> Blueprint:
    """The device routes. ``HEAD`` comes with each ``GET``; every other method is not there."""
    bp = Blueprint("device", __name__)

    @bp.get(paths.NOTICE, provide_automatic_options=False)
    def notice() -> answers.Answer:
        """Tell where the trust anchor is, and its hash. No query and no header can make this refuse a device."""
        found = distribution.notice(caller.host(), caller.query(), caller.address())
        return _render(found, answers.JSON)

    @bp.get(f"{paths.DER_PREFIX}<digest>{paths.DER_SUFFIX}", provide_automatic_options=False)
    def der(digest: str) -> answers.Answer:
        """Give the bytes that a notice's hash was made of, of this release or of an earlier one."""
        return _render(distribution.der(digest, caller.address()), answers.DER)

    return bp


def _render(found: bytes | Refusal, content_type: str) -> answers.Answer:
    if isinstance(found, Refusal):
        return _REFUSALS[found]()
    return answers.ok(found, content_type)
