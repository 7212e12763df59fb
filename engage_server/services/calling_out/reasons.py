"""Why a call had no answer, in words that repeat nothing of what was sent."""

import socket
import ssl

import urllib3


def reason_of(error: Exception) -> str:
    """The reason of an error, without text that may repeat a header field."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name is not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # by its class it is also a timeout
        return f"no connection ({_innermost(error.__cause__ or error)})"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"TLS failed ({_innermost(error)})"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, TimeoutError) and not error.strerror:
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({_innermost(error)})"
    return _innermost(error)


def _innermost(error: BaseException) -> str:
    reason = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
    if reason is not None:
        return _innermost(reason)
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return type(error).__name__
