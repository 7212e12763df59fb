"""Divides a worker's threads for call-ins between sites, and between ways to answer.

A call that waits for a partner's system occupies its thread for seconds, a call from files only for milliseconds. So
some threads never wait for a system. Some of the rest are only for credential calls, where a person is at the door. If
several sites have their own systems, no site gets more than half of what is left.
"""

from dataclasses import dataclass

_RESERVED = 8  # one thread in eight


@dataclass(frozen=True, slots=True)
class CallInShares:
    """How many calls may run at once. Each number is at least 1: a single thread cannot be divided.

    Attributes:
        threads: Calls of all kinds.
        upstream: Calls that wait for any partner's system.
        nightly: The part of ``upstream`` for calls that are not credential calls.
        site: The part of ``nightly`` for one site.
        site_credentials: Credential calls that wait for one site's system.
    """

    threads: int
    upstream: int
    nightly: int
    site: int
    site_credentials: int


def call_in_shares(threads: int, upstream_sites: int) -> CallInShares:
    """Compute the shares.

    Args:
        threads: The setting ``call_in_threads``.
        upstream_sites: How many sites have their own system.
    """
    reserved = max(1, threads // _RESERVED)
    upstream = max(1, threads - reserved)
    nightly = max(1, upstream - reserved)
    halves = 1 if upstream_sites < 2 else 2
    return CallInShares(threads, upstream, nightly, max(1, nightly // halves), max(1, upstream // halves))
