"""Times, as RFC 3339 writes them, in queries and bodies."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

# the years keep away from both ends of what a datetime can hold, in any time zone
_RFC_3339 = re.compile(r"(?:19[7-9]|2\d\d)\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_rfc_3339(text: object) -> object:
    """Refuse what pydantic would take for a time, too: a number, or a time without its seconds.

    Raises:
        ValueError: It is such a text.
    """
    if not isinstance(text, datetime) and not (isinstance(text, str) and _RFC_3339.fullmatch(text)):
        raise ValueError("a time with its offset, such as 2026-11-26T08:00:00Z")
    return text


# not strict: after a validator of ours, a body's text is a text of Python for pydantic, which strictly is no time
Time = Annotated[AwareDatetime, Field(strict=False, examples=["2026-11-26T08:00:00Z"]), BeforeValidator(_as_rfc_3339)]
