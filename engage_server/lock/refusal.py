"""The exception for what a device would refuse."""


class DeviceRefusal(Exception):  # it names a fact, not an error of the program
    """A device would silently refuse this. The virtual lock says why.

    Args:
        sentence: What is wrong, with the measured value and the limit.
        next_step: How to fix the host.

    Attributes:
        answer_was_read: Whether the refused answer was read completely, so that another request can follow.
    """

    def __init__(self, sentence: str, next_step: str = "", *, answer_was_read: bool = False) -> None:
        super().__init__(sentence)
        self.answer_was_read = answer_was_read
        self.sentence = sentence
        self.next_step = next_step
