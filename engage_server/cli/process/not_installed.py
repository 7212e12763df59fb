"""What a command says when a package or the system that it needs is not here.

An installation of ``requirements-check.lock`` checks chains and plays devices, and so does one on another system than
Linux. All other commands fail there while they are imported, and each would show a traceback.
"""

import sys

from engage_server.errors import NotInstalled

_HERE = "The commands chain, hash and lock work here as they are."


def not_installed(error: ModuleNotFoundError, next_step: str = "") -> NotInstalled:
    """The error to tell in place of this one.

    Args:
        error: From an import.
        next_step: What helps better here than to install the rest.

    Raises:
        ModuleNotFoundError: The same, when the module is one of ours: that is a defect, and wants its traceback.
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "engage_server"):
        raise error
    if package in sys.stdlib_module_names:
        sentence = f"this command needs Linux or another Unix: Python has no {package} here"
        return NotInstalled(sentence, next_step or f"Run it on the server. {_HERE}")
    return NotInstalled(
        f"this command needs {package}, which is not installed here",
        next_step or f"Install all of engage-server: pip install PATH_OR_URL_OF_THE_REPOSITORY. {_HERE}",
    )
