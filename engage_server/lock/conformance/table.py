"""All requirements of devices, tested one by one."""

from collections.abc import Iterator

from engage_server.lock.conformance.http_requirements import HTTP_REQUIREMENTS
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.conformance.requirement import Outcome, tried
from engage_server.lock.conformance.tls_requirements import TLS_REQUIREMENTS

REQUIREMENTS = (*HTTP_REQUIREMENTS, *TLS_REQUIREMENTS)


def conformance(host: ProbedHost) -> Iterator[Outcome]:
    """Test every requirement, even after a failed one."""
    for requirement in REQUIREMENTS:
        yield tried(requirement, host)
