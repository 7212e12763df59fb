"""Keeps this host's copy of what devices are answered. Only one process of a host does it."""

from engage_server.serving.operators.repeated.repeating import Sentences

SECONDS = 5.0
SENTENCES = Sentences(
    "the copy for a start without the database is as it was",
    "the copy for a start without the database is kept again",
    "keeping the copy for a start without the database failed",
)
