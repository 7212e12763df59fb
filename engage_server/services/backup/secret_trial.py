"""Opens every sealed secret of a store, and says which ones do not open."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from cryptography import x509

from engage_server.errors import EngageError
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.records import Release, Secret
from engage_server.services.kpn_devices.register import secret_purpose
from engage_server.store.interface import KpnStore, RecipientStore, ReleaseStore, SharedFileStore, SiteStore

OpenLinkSecret = Callable[[bytes, str], Secret]


class SealedStore(SiteStore, ReleaseStore, RecipientStore, KpnStore, SharedFileStore, Protocol):
    """The parts of the store that hold sealed secrets."""


class SecretTrial:
    """Opens all of them. None leaves this object.

    Args:
        store: The store.
        open_link_secret: Opens what is sealed under the key of the links. None: that key was not given.

    Attributes:
        opened: How many opened, by their kind in words.
        faults: What is wrong, one sentence each.
        unopened: How many need the key of the links, which was not given.
    """

    def __init__(self, store: SealedStore, open_link_secret: OpenLinkSecret | None) -> None:
        self._store = store
        self._open_link_secret = open_link_secret
        self._counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.unopened = 0

    @property
    def opened(self) -> Mapping[str, int]:
        """How many opened, by their kind."""
        return dict(self._counts)

    def run(self) -> None:
        """Open all.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        for site in self._store.sites():
            self._try("site keys", partial(self._store.site_key, site.name))
        for release in self._store.releases():
            if release.key_destroyed_at is None:
                self._try("private keys of releases", partial(self._private_key, release))
        for recipient in self._store.recipients():
            self._try("secrets of alerts' recipients", partial(self._store.recipient_secret, recipient.name))
        for imei, sealed in self._link_secrets():
            if self._open_link_secret is None:
                self.unopened += 1
                continue
            self._try("secrets of devices on links", partial(self._open_link_secret, sealed, secret_purpose(imei)))

        contents = self._store.open_shared_files()
        self._counts["shared files of devices"] += contents.count - len(contents.broken)
        self._counts += Counter()  # without kinds that this database does not have
        self.faults += [f"{each}: it does not open" for each in contents.broken]

    def _try(self, kind: str, opening: Callable[[], object]) -> None:
        try:
            opened = opening()
        except EngageError as error:
            self.faults.append(error.sentence)
        else:
            self._counts[kind] += opened is not None

    def _private_key(self, release: Release) -> Secret:
        """Open a private key, and compare it with the certificate: both could belong to another release."""
        opened = self._store.private_key(release.site, release.number)
        where = f"the private key of release {release.number} of {release.site}"
        certificate = x509.load_der_x509_certificate(release.chain[0])
        if not keys_match(read_private_key(opened, source=where), certificate.public_key()):
            raise EngageError(f"{where} does not belong to its certificate")
        return opened

    def _link_secrets(self) -> Iterator[tuple[str, bytes]]:
        return ((each.imei, each.sealed_secret) for each in self._store.kpn_devices() if each.sealed_secret is not None)
