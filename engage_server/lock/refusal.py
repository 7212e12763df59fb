"""How a virtual lock says no."""


class DeviceRefusal(Exception):  # it states a fact
    """A device would refuse here, silently. This one says why.

    Args:
        sentence: What was wrong, with the measured value and the limit.
        next_step: How to mend the host.

    Attributes:
        answer_was_read: Whether the refused answer was read to its end, so that another request can follow it.
    """

    def __init__(self, sentence: str, next_step: str = "", *, answer_was_read: bool = False) -> None:
        super().__init__(sentence)
        self.answer_was_read = answer_was_read
        self.sentence = sentence
        self.next_step = next_step
