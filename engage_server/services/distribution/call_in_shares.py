"""How a worker's threads for call-ins are shared out: between sites, and between ways to answer.

A call that waits for a partner's system holds its thread for seconds, one that is answered from files for milliseconds.
So some threads are never given to calls that wait, some of the rest only to credential calls, where a person stands at
the door, and where several sites have a system of their own no site gets more than half of what is left.
"""

from dataclasses import dataclass

_RESERVED = 8  # one thread in so many


@dataclass(frozen=True, slots=True)
class CallInShares:
    """How many calls may run at once. Each number is 1 at least: with a single thread nothing can be shared out.

    Attributes:
        threads: Of all kinds.
        upstream: That wait for any partner's system.
        nightly: Of those, without the credential calls.
        site: Of those, for one site.
        site_credentials: Credential calls that wait for one site's system.
    """

    threads: int
    upstream: int
    nightly: int
    site: int
    site_credentials: int


def call_in_shares(threads: int, upstream_sites: int) -> CallInShares:
    """The shares.

    Args:
        threads: The setting ``call_in_threads``.
        upstream_sites: How many sites have a system of their own.
    """
    reserved = max(1, threads // _RESERVED)
    upstream = max(1, threads - reserved)
    nightly = max(1, upstream - reserved)
    halves = 1 if upstream_sites < 2 else 2
    return CallInShares(threads, upstream, nightly, max(1, nightly // halves), max(1, upstream // halves))
