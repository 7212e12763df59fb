"""How a virtual lock says no."""


class DeviceRefusal(Exception):  # it states a fact
    """A device would refuse here, silently. This one says why.

    Args:
        sentence: What was wrong, with the measured value and the limit.
        next_step: How to mend the host.
    """

    def __init__(self, sentence: str, next_step: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next_step = next_step
