"""Releases and their private keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEvent, Release, Secret
from engage_server.store.interface.values import ReleaseDraft


class ReleaseStore(Protocol):
    """Releases and their private keys."""

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        """Store a release under the site's next number. It is not served.

        Raises:
            NotFound: There is no such site.
            ReleaseExists: The site has this chain already, and its key is not destroyed.
        """

    def activate_release(
        self, site: str, number: int, expected: int | None, at: datetime, event: AuditEvent
    ) -> Release:
        """Make this release the site's current one and retire the previous one, as one change.

        Activating the current release again changes nothing.

        Args:
            site: The site's name.
            number: The release.
            expected: What was current when the operator decided. None for nothing.
            at: Now.
            event: The event for the audit log.

        Raises:
            NotFound: There is no such site or release.
            Conflict: The current release is not the expected one, or the release's key is destroyed.
        """

    def release_before(self, site: str) -> int | None:
        """Return the release that a rollback leads to. None if no earlier one still has its key.

        Raises:
            NotFound: There is no such site.
        """

    def roll_back_release(self, site: str, number: int, expected: int, at: datetime, event: AuditEvent) -> Release:
        """Make an earlier release current again. Releases after it no longer count as earlier ones.

        Raises:
            NotFound: There is no such site or release.
            Conflict: The current release is not the expected one, or the release's key is destroyed.
        """

    def drop_release(self, site: str, number: int, event: AuditEvent) -> None:
        """Remove a release that was only ever staged, with its key.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It was served.
        """

    def retire_release(self, site: str, number: int, at: datetime, event: AuditEvent) -> Release:
        """Destroy the private key of a release that is not served. Its DER stays downloadable.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It is current, or its key is destroyed already.
        """

    def release(self, site: str, number: int) -> Release:
        """Return one release.

        Raises:
            NotFound: There is no such site or release.
        """

    def releases(self, site: str | None = None) -> Sequence[Release]:
        """Return all releases, or those of one site, by site and number."""

    def current_numbers(self, site: str | None = None) -> Mapping[str, int]:
        """Return the current release's number for each site, or for this site only.

        A site that serves nothing yet is left out. No certificate is read.

        Raises:
            NotFound: There is no such site.
        """

    def private_key(self, site: str, number: int) -> Secret:
        """Return the TLS private key of a release, opened, as PKCS#8 PEM.

        Raises:
            NotFound: There is no such release.
            Conflict: The key is destroyed.
            SealBroken: The key-encryption key is another one, or missing.
        """

    def release_key(self) -> Secret:
        """Return the key that opens the private keys of all releases, and nothing else. It never changes.

        Raises:
            SealBroken: This process has no key-encryption key.
        """
