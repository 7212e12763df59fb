"""ETags: what a caller has seen, and what a change is compared with (RFC 9110 section 13).

An ETag has two parts: the version, and a digest of the answer. A change is compared with the version alone. So figures
that change by the hour, such as days left, hinder nobody.
"""

import hashlib
import hmac

from flask import Request

from engage_server.errors import Conflict, UsageError

_DIGITS = 16


def etag(version: str, content: bytes) -> str:
    """The ETag of an answer, without quotation marks."""
    return f"{version}-{hashlib.sha256(content).hexdigest()[:_DIGITS]}"


def is_unchanged(request: Request, tag: str) -> bool:
    """Whether the caller has this very answer already."""
    return bool(request.if_none_match) and request.if_none_match.contains_weak(tag)


def seen_version(request: Request, version: str) -> str | None:
    """Compare the version that a change finds with the one that its caller has seen.

    Args:
        request: The request.
        version: The version now. "" for what does not exist.

    Returns:
        The version. None if the caller says that any will do.

    Raises:
        UsageError: The caller does not say (``precondition.missing``).
        Conflict: It is another one (``precondition.failed``).
    """
    wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if wanted is None and unwanted is None:
        raise UsageError(
            "a change needs the field If-Match, so that nobody overwrites what they have not seen",
            'Read it first, and send its ETag: If-Match: "...". For something new: If-None-Match: *',
            code="precondition.missing",
        )
    if wanted is None:
        _assert_absent(unwanted or "", version)
        return version
    if wanted.strip() == "*":
        if version:
            return None
        raise Conflict("there is nothing to change yet", "Send If-None-Match: *", code="precondition.failed")
    if not any(_is_of(tag, version) for tag in request.if_match.as_set()):
        raise changed_meanwhile()
    return version


def changed_meanwhile() -> Conflict:
    """The refusal of a change to what its caller has not seen."""
    return Conflict(
        "this has changed since you read it, so nothing was done",
        "Read it again. If the change is still right, send it with the new ETag.",
        code="precondition.failed",
    )


def _assert_absent(unwanted: str, version: str) -> None:
    if unwanted.strip() != "*":
        raise UsageError(
            "If-None-Match of a change has to be *", "Or send If-Match with an ETag.", code="precondition.missing"
        )
    if version:
        raise Conflict(
            "it exists already, so nothing was done", "Read it, and send its ETag.", code="precondition.failed"
        )


def _is_of(tag: str, version: str) -> bool:
    return bool(version) and hmac.compare_digest(tag.rpartition("-")[0].encode(), version.encode())
