"""One step in the protocol of a virtual lock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step that a device took.

    Attributes:
        name: A stable name: ``notice``, ``download``, ``hash``, ``anchor``, ``tls``, ``request``; for the call-in
            ``config``, ``database``, ``audit``, ``alert``.
        ok: False if a device would stop here, or start again with the notice.
        sentence: What happened.
        next_step: How to fix the host; "" if nothing is wrong.
    """

    name: str
    ok: bool
    sentence: str
    next_step: str = ""
