"""One thing that a virtual lock did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a device did.

    Attributes:
        name: Stable: ``notice``, ``download``, ``hash``, ``anchor``, ``tls``, ``request``, and those of the call-in:
            ``config``, ``database``, ``audit``, ``alert``.
        ok: False where a device would stop, or begin anew with the notice.
        sentence: What happened.
        next_step: How to mend the host; empty when all is well.
    """

    name: str
    ok: bool
    sentence: str
    next_step: str = ""
