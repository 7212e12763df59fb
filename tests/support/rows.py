"""A site and a release for a store."""

import ipaddress

from engage_server.pki import encodings, keys
from engage_server.records import (
    AnchorRole,
    Host,
    Secret,
    Site,
)
from engage_server.store.interface import ReleaseDraft
from tests.support.chains import NOW, good_chain


def site(name: str = "main", *hosts: str, is_default: bool = False) -> Site:
    return Site(
        name,
        tuple(Host(h) for h in hosts or (f"{name}.example",)),
        AnchorRole.ROOT,
        is_default,
        (ipaddress.ip_network("10.0.0.0/8"),),
        NOW,
    )


def draft(name: str = "main", label: str = "") -> ReleaseDraft:
    chain = good_chain(label).chain
    return ReleaseDraft(
        name,
        encodings.der(chain.root),
        "A" * 28,
        tuple(map(encodings.der, chain.sent)),
        encodings.der(chain.root),
        keys.public_key_der(good_chain(label).server_key.public_key()),
        NOW,
    )


def private_key(label: str = "") -> Secret:
    return keys.private_key_pem(good_chain(label).server_key)
