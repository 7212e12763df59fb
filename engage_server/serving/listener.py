"""The three listeners, and where each one listens."""

from enum import StrEnum

from engage_server.settings import Settings


class Listener(StrEnum):
    """One of the three listeners."""

    HTTP = "http"
    HTTPS = "https"
    OPERATORS = "operators"

    def port(self, settings: Settings) -> int:
        """Return the port that it listens on."""
        return {
            Listener.HTTP: settings.http_port,
            Listener.HTTPS: settings.https_port,
            Listener.OPERATORS: settings.operators_port,
        }[self]

    def address(self, settings: Settings) -> str:
        """Return the address that it listens on."""
        return settings.operators_bind if self is Listener.OPERATORS else settings.bind
