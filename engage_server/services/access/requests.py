"""Requests of other systems: those that are sent again have their effect once, and none acts on what has changed.

An act's event carries its terms into the transaction of the act. So the effect, its entry in the audit log and the key
of the request are written together, or not at all. The answer is not kept: it is made again from the entry. So nothing
that a request sent or got is stored.
"""

import hashlib
import json
import re
from datetime import datetime

from engage_server.errors import Refused, UsageError
from engage_server.records import Actor, AuditEntry, KeyedRequest
from engage_server.store.interface import RequestStore

_KEY = re.compile(r"[\x21-\x7e]{8,128}", re.ASCII)


class Requests:
    """Knows which requests were carried out, and the versions of sites.

    Args:
        store: The store.
    """

    def __init__(self, store: RequestStore) -> None:
        self._store = store

    def version(self, site: str) -> int:
        """The version of a site. Each change of the site, its releases or its rotations raises it."""
        return self._store.site_version(site)

    def carried_out(self, request: KeyedRequest, now: datetime) -> AuditEntry | None:
        """The entry of what a request did within the last 24 hours. None if it was not carried out.

        Raises:
            Refused: The key was sent with something else (``idempotency.other_body``).
        """
        kept = self._store.kept_request(request.digest, now)
        if kept is None:
            return None
        if kept[0] != request.body:
            raise Refused(
                "this Idempotency-Key was sent with another body",
                "Send another request with another key.",
                code="idempotency.other_body",
            )
        return kept[1]


def keyed_request(actor: Actor, method: str, path: str, key: str, content: bytes) -> KeyedRequest:
    """Build the record of a request with a key.

    Args:
        actor: Who sends it. Another caller's key is another key.
        method: Its method.
        path: Its path.
        key: 8 to 128 visible ASCII characters.
        content: Its query and body.

    Raises:
        UsageError: The key has another form (``idempotency.key``).
    """
    if not _KEY.fullmatch(key):
        raise UsageError(
            "the Idempotency-Key has a form that is not accepted",
            "Send 8 to 128 visible ASCII characters, such as a UUID.",
            code="idempotency.key",
        )
    place = json.dumps([actor.kind.value, actor.name, method, path, key]).encode()
    return KeyedRequest(hashlib.sha256(place).hexdigest(), hashlib.sha256(content).hexdigest())
