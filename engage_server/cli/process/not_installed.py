"""What a command reports if a package or the system that it needs is missing.

An installation of ``requirements-check.lock`` checks chains and plays devices. So does one on a system other than
Linux. All other commands fail there while they are imported. Without this module each would show a traceback.
"""

import sys

from engage_server.errors import NotInstalled

# package -> the optional part of this one that brings it
_EXTRAS = {"lxml": "telekom", "signxml": "telekom", "zeep": "telekom-wsdl"}
_HERE = "The commands chain, completion, hash, lock and settings work here as they are."


def not_installed(error: ModuleNotFoundError, next_step: str = "") -> NotInstalled:
    """The error to report in place of this one.

    Args:
        error: What an import raised.
        next_step: What helps more here than to install the rest.

    Raises:
        ModuleNotFoundError: The same, if the module is one of ours: that is a defect, and its traceback is needed.
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "engage_server"):
        raise error
    if package in sys.stdlib_module_names:
        sentence = f"this command needs Linux or another Unix: Python has no {package} here"
        return NotInstalled(sentence, next_step or f"Run it on the server. {_HERE}")
    if package in _EXTRAS:
        # not by the name alone: nobody of ours holds it on an index
        next_step = f"pip install 'engage-server[{_EXTRAS[package]}] @ PATH_OR_URL_OF_THE_REPOSITORY'"
    return NotInstalled(
        f"this command needs {package}, which is not installed here",
        next_step or f"Install all of engage-server: pip install PATH_OR_URL_OF_THE_REPOSITORY. {_HERE}",
    )
