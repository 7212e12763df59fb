"""When the garbage collector runs: seldom while a program starts, because it makes thousands of objects to keep."""

import gc

_USUAL = gc.get_threshold()
_SELDOM = (300_000, *_USUAL[1:])  # new objects until it runs: more than the imports of any command make


def collect_seldom() -> None:
    """For a program that starts, and for a command, which soon ends. The collector took an eighth of its time."""
    gc.set_threshold(*_SELDOM)


def collect_as_usual() -> None:
    """For a process that goes on. What exists now is never examined again, so that no worker copies it for that."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
