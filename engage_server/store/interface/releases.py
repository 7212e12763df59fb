"""Releases and their private keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEvent, Release, Secret
from engage_server.store.interface.values import ReleaseDraft


class ReleaseStore(Protocol):
    """Releases and their private keys."""

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        """Keep a release under the site's next number. It is not served.

        Raises:
            NotFound: There is no such site.
        """

    def activate_release(
        self, site: str, number: int, expected: int | None, at: datetime, event: AuditEvent
    ) -> Release:
        """Make this release the site's current one and retire the one before, as one change.

        Activating the current release again changes nothing.

        Args:
            site: The site's name.
            number: The release.
            expected: What the operator saw as current when they decided; None for nothing.
            at: Now.
            event: What the audit log shall say.

        Raises:
            NotFound: There is no such site or release.
            Conflict: Another one than the expected is current, or the release's key is destroyed.
        """

    def release_before(self, site: str) -> int | None:
        """The release that a roll-back leads to; None when there is none that still has its key.

        Raises:
            NotFound: There is no such site.
        """

    def roll_back_release(self, site: str, number: int, expected: int, at: datetime, event: AuditEvent) -> Release:
        """Make a release current again that was so before; what came after it is no longer what was before.

        Raises:
            NotFound: There is no such site or release.
            Conflict: Another one than the expected is current, or the release's key is destroyed.
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
            Conflict: It is current, or has no key any more.
        """

    def release(self, site: str, number: int) -> Release:
        """One release.

        Raises:
            NotFound: There is no such site or release.
        """

    def releases(self, site: str | None = None) -> Sequence[Release]:
        """All releases, or those of one site, by site and number."""

    def current_numbers(self, site: str | None = None) -> Mapping[str, int]:
        """By the name of each site that serves a release, or of this one alone: the number of that release.

        A site that serves nothing yet is missing. No certificate is read for it.

        Raises:
            NotFound: There is no such site.
        """

    def private_key(self, site: str, number: int) -> Secret:
        """The TLS private key of a release, PKCS#8 PEM, opened.

        Raises:
            NotFound: There is no such release.
            Conflict: The key is destroyed.
            SealBroken: The key-encryption key is another, or missing.
        """

    def release_key(self) -> Secret:
        """What opens the private keys of all releases, and nothing else. It never changes.

        Raises:
            SealBroken: This process has no key-encryption key.
        """
