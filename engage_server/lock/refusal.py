"""The exception for what a device would refuse."""

from engage_server.shown_text import shown_text, without_controls


class DeviceRefusal(Exception):  # it names a fact, not an error of the program
    """A device would silently refuse this. The virtual lock says why.

    Args:
        sentence: What is wrong, with the measured value and the limit.
        next_step: How to fix the host.

    Attributes:
        answer_was_read: Whether the refused answer was read completely, so that another request can follow.
    """

    def __init__(self, sentence: str, next_step: str = "", *, answer_was_read: bool = False) -> None:
        self.sentence = shown_text(sentence)  # it quotes what a host sent
        super().__init__(self.sentence)
        self.answer_was_read = answer_was_read
        self.next_step = without_controls(next_step)
