"""The token in every form: made of the session's secret, which a page of another origin cannot read.

It stands beside the check of ``Origin``, so that one of them may fail. It is the same for a whole session, and ends
with it. It opens nothing by itself.
"""

import hashlib
import hmac

from engage_server.errors import Refused

FIELD = "token"
_PURPOSE = b"engage console form"


def form_token(session: str) -> str:
    """The token of a session's forms.

    Args:
        session: The secret in the session's cookie.
    """
    return hmac.new(session.encode(), _PURPOSE, hashlib.sha256).hexdigest()


def is_own_form(session: str, given: str) -> bool:
    """Whether a form is one that this session's pages held.

    Args:
        session: The secret in the session's cookie.
        given: The token in the form. "" for none.
    """
    return hmac.compare_digest(form_token(session).encode(), given.encode("utf-8", "surrogatepass"))


def assert_own_form(session: str, given: str) -> None:
    """Refuse a form that this session's pages did not hold.

    Raises:
        Refused: The token is another one, or there is none (``access.form``).
    """
    if not is_own_form(session, given):
        raise Refused(
            "this form belongs to another session, or to none, so nothing was done",
            "Open the page again, and send its form.",
            code="access.form",
        )
