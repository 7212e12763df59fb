"""The three listeners: where each one listens."""

from enum import StrEnum

from engage_server.settings import Settings


class Listener(StrEnum):
    """Which listener."""

    HTTP = "http"
    HTTPS = "https"
    OPERATORS = "operators"

    def port(self, settings: Settings) -> int:
        """The port that it listens on."""
        return {
            Listener.HTTP: settings.http_port,
            Listener.HTTPS: settings.https_port,
            Listener.OPERATORS: settings.operators_port,
        }[self]

    def address(self, settings: Settings) -> str:
        """The address that it listens on."""
        return settings.operators_bind if self is Listener.OPERATORS else settings.bind
