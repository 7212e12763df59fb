"""What requests of the operators' listener are carried out with, be they of the API or of the console."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from engage_server.records import BootClock
from engage_server.services.chains.sent.reading import OpenSent
from engage_server.web.sign_in.cookie import SessionCookie

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[S_co]):
    """What requests are carried out with. The API and the console each say which services they ask.

    Attributes:
        services: Returns the services. Raises EngageError while they cannot be opened.
        now: The clock; aware, UTC.
        boot_clock: The machine's own clock.
        cookie: Reads the cookie of people's sessions.
        open_sent: Opens a chain that was sent, in a process that can be stopped.
    """

    services: Callable[[], S_co]
    now: Callable[[], datetime]
    boot_clock: Callable[[], BootClock | None]
    cookie: SessionCookie
    open_sent: OpenSent
