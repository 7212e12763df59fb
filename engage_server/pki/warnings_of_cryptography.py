"""cryptography warns on standard error of what a rule says as a finding."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Read a certificate's parts without Python's warnings. Filters are the process's: keep what is inside short.

    Parts are read once and kept by cryptography, so later readers hear nothing either.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
