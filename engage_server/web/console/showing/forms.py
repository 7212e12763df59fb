"""What the forms of a page hold when the page is shown again: only the one that was sent keeps what was typed."""

from engage_server.web.console.visit import Visit


class Forms:
    """The forms of one page while it is rendered. Templates begin each form here, and ask for what was typed into it.

    Forms share names of fields, such as the reason. What was typed into one is no reason for what another one does.

    Args:
        visit: The visit.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._is_sent = False

    def begin(self, path: str) -> str:
        """Begin the form that is sent to a path. The fields that follow are its own.

        Returns:
            The path.
        """
        self._is_sent = str(path) == self._visit.sent_to
        return path

    def typed(self, name: str, before: str = "") -> str:
        """What was typed into a field of this form, else what stands in it before anything is. Never a secret."""
        return self._visit.typed(name, before) if self._is_sent else before

    def is_ticked(self, name: str, before: bool = False) -> bool:
        """Whether a box of this form is ticked: as it was sent, else as it is before anything is."""
        return self._visit.is_ticked(name) if self._is_sent else before
