"""Whether two snapshots answer devices alike, so that exchanging them needs no agreement between workers."""

from collections.abc import Mapping

from engage_server.services.distribution.snapshot import ServedRelease, Snapshot


def answers_alike(one: Snapshot, other: Snapshot) -> bool:
    """Whether both give each caller the same notice and the same chain.

    Then no device can meet the notice of one and the chain of the other. Lists of devices, networks, and anchors of
    releases that are not current may differ. The two instances need not change them at the same moment.
    """
    return (
        one.default_site == other.default_site
        and one.by_host == other.by_host
        and one.by_local_address == other.by_local_address
        and _served(one.current) == _served(other.current)
    )


def _served(current: Mapping[str, ServedRelease]) -> dict[str, tuple[int, str, bytes, dict[str, bytes]]]:
    return {
        site: (
            release.number,
            release.chain_digest,
            release.notice.content,
            {host: notice.content for host, notice in release.notices.items()},
        )
        for site, release in current.items()
    }
