"""What to do when a host cannot be reached."""

import socket


def what_to_do_about(error: OSError, otherwise: str) -> str:
    """The next step after a failed connection.

    Args:
        error: What the system reported.
        otherwise: The step if the name was found, but nothing answers there.
    """
    if isinstance(error, socket.gaierror):
        return "The DNS of this machine does not know this name. Check its spelling. For a trial, add it to /etc/hosts."
    return otherwise
