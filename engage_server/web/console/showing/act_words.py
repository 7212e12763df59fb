"""Says in a sentence what an entry of the audit log stands for."""

from engage_server.records import AuditEvent


def act_words(event: AuditEvent) -> str:
    """What was done, such as ``release activated``, and at which site."""
    thing, _, what = event.action.value.partition(":")
    where = f" at site {event.site}" if event.site else ""
    return f"{thing.replace('-', ' ')} {what.replace('-', ' ')}{where}"
