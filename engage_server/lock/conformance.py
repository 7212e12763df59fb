"""The whole list of what a device needs from a host, tried one by one."""

from collections.abc import Iterator

from engage_server.lock.http_requirements import HTTP_REQUIREMENTS
from engage_server.lock.requirement import Outcome, tried
from engage_server.lock.tls_requirements import TLS_REQUIREMENTS
from engage_server.lock.trial_host import TrialHost

REQUIREMENTS = (*HTTP_REQUIREMENTS, *TLS_REQUIREMENTS)


def conformance(host: TrialHost) -> Iterator[Outcome]:
    """Try every row, whatever became of the one before."""
    for requirement in REQUIREMENTS:
        yield tried(requirement, host)
