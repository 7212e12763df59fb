"""The words in an answer that is an error: cleaned, short, and without our secrets. HTML is never quoted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from engage_server.errors import BodyInvalid
from engage_server.links.sim.contract.answers import text_of
from engage_server.protocol.json_body import read_json
from engage_server.records import Secret

_MAX: Final = 300
_MAX_DEPTH: Final = 32
# RFC 9457; RFC 6749 section 5.2; KPN's gateway; CAMARA
_KEYS: Final = ("title", "detail", "error", "error_description", "name", "message", "info", "code", "description")
_NUMBER_KEYS: Final = ("transactionId", "traceId", "requestId")
_SHORTEST: Final = 4  # a shorter secret would be replaced in every second word


def words_of(body: bytes, secrets: Iterable[Secret]) -> str:
    """Return what an error's body says, as a sentence to append. "" if it says nothing that can be quoted.

    Args:
        body: The whole body.
        secrets: What an answer may repeat and we must not.
    """
    try:
        content = read_json(body, _MAX_DEPTH)
    except BodyInvalid:
        return ""
    said = _without(": ".join(dict.fromkeys(each.rstrip(". ") for each in _texts(content))), secrets)
    if not said or "<" in said:
        return ""
    return f" It says: {said[:_MAX]}"


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, list):
        content = content[0] if content else None
    if not isinstance(content, Mapping):
        return
    for key in _KEYS:
        value = content.get(key)
        if isinstance(value, Mapping):
            yield from (text_of(value.get(inner)) for inner in ("code", "message") if text_of(value.get(inner)))
        elif text_of(value):
            yield text_of(value)
    for key in _NUMBER_KEYS:
        if text_of(content.get(key)):
            yield f"{key} {text_of(content[key])}"


def _without(text: str, secrets: Iterable[Secret]) -> str:
    for each in secrets:
        secret = each.reveal().decode("utf-8", "replace")
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return text
