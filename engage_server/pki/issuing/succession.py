"""Issues the successor of a chain: the chains that each way of a rotation needs, in the order of serving. Pure.

A successor keeps the names of its predecessor, except for a label that distinguishes two CAs with different keys.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from engage_server.errors import CertificateInvalid, NotPossible
from engage_server.pki import keys, names
from engage_server.pki.chain import Chain
from engage_server.pki.extensions import extension
from engage_server.pki.issuing import profiles
from engage_server.pki.issuing.authority import Issuer, issue
from engage_server.records import Host, RotationWay

_LABEL = re.compile(r" (?P<year>\d{4})(?:-(?P<number>\d+))?$")  # the year that this tool appends to a CA's name
_SHORTEST_LIFE = timedelta(days=8)

KeyMaker = Callable[[], rsa.RSAPrivateKey]


@dataclass(frozen=True, slots=True)
class AuthorityKeys:
    """The private keys of a chain's CAs, as far as they are available.

    Attributes:
        root: The key of the root; None if it is kept elsewhere.
        intermediate: The key of the server certificate's issuer; None if it is kept elsewhere.
    """

    root: rsa.RSAPrivateKey | None = field(default=None, repr=False)
    intermediate: rsa.RSAPrivateKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Successor:
    """A chain for a rotation, with all of its keys that are available.

    Attributes:
        title: Its role in the rotation: ``next`` or ``transition``.
        chain: The chain.
        server_key: The private key of its server certificate.
        authority: The private keys of its CAs. A key that was not needed may be missing.
    """

    title: str
    chain: Chain
    server_key: rsa.RSAPrivateKey = field(repr=False)
    authority: AuthorityKeys = field(default_factory=AuthorityKeys, repr=False)


def needed_key(way: RotationWay, chain: Chain) -> str:
    """The current CA key that a way needs: ``intermediate``, ``root``, or "" for a cut-over, which needs none."""
    if way is RotationWay.CUT_OVER:
        return ""
    if way is RotationWay.SERVER_RENEWAL and chain.intermediates:
        return "intermediate"
    return "root"


def way_of(before: Chain, chains: Sequence[Chain]) -> RotationWay:
    """The way that leads from one chain to others, judged by what they have in common.

    Args:
        before: The chain that is served.
        chains: At least one chain, in the order of serving. Any CA may have issued them.
    """
    last = chains[-1]
    if last.root == before.root:
        is_server_alone = last.intermediates == before.intermediates
        return RotationWay.SERVER_RENEWAL if is_server_alone else RotationWay.INTERMEDIATE_RENEWAL
    if (last.root.subject, last.root.public_key()) == (before.root.subject, before.root.public_key()):
        return RotationWay.ROOT_RENEWAL
    return RotationWay.LINKED_REKEY if chains[0].links else RotationWay.CUT_OVER


def succeed(
    way: RotationWay,
    current: Chain,
    authority: AuthorityKeys,
    hosts: tuple[Host, ...],
    now: datetime,
    make_key: KeyMaker = keys.generate_key,
) -> tuple[Successor, ...]:
    """Issue the chains that a way needs.

    Args:
        way: The way.
        current: The chain that is served.
        authority: The keys of its CAs.
        hosts: The hosts for the server certificate.
        now: Timezone-aware.
        make_key: Returns a new key at each call.

    Returns:
        The chains in the order of serving. The last one remains in use.

    Raises:
        NotPossible: A key that the way needs is missing.
        CertificateInvalid: The current chain does not allow it: an issuer expires too soon.
    """
    return _Succession(current, authority, hosts, now, make_key).of(way)


class _Succession:
    """The work of :func:`succeed`, with one method for each way."""

    def __init__(
        self, current: Chain, authority: AuthorityKeys, hosts: tuple[Host, ...], now: datetime, make_key: KeyMaker
    ) -> None:
        self._current, self._authority, self._hosts = current, authority, hosts
        self._now, self._make_key = now, make_key

    def of(self, way: RotationWay) -> tuple[Successor, ...]:
        return {
            RotationWay.SERVER_RENEWAL: self._server_renewal,
            RotationWay.INTERMEDIATE_RENEWAL: self._intermediate_renewal,
            RotationWay.ROOT_RENEWAL: self._root_renewal,
            RotationWay.LINKED_REKEY: self._linked_rekey,
            RotationWay.CUT_OVER: self._cut_over,
        }[way]()

    def _server_renewal(self) -> tuple[Successor, ...]:
        chain = self._current
        if not chain.intermediates:
            issuer = Issuer(chain.root, self._root_key())
        elif self._authority.intermediate is not None:
            issuer = Issuer(chain.intermediates[0], self._authority.intermediate)
        else:
            raise _missing("intermediate")
        server, server_key = self._server(issuer)
        return (Successor("next", Chain(chain.root, chain.intermediates, server), server_key, self._authority),)

    def _intermediate_renewal(self) -> tuple[Successor, ...]:
        return (self._below(Issuer(self._current.root, self._root_key())),)

    def _root_renewal(self) -> tuple[Successor, ...]:
        old, key = self._current.root, self._root_key()
        root = issue(
            profiles.ROOT,
            old.subject,
            key.public_key(),
            self._validity(old, profiles.DEFAULT_ROOT_DAYS),
            key,
            subject_key_identifier=_key_identifier(old),
        )
        return (self._below(Issuer(root, key)),)

    def _linked_rekey(self) -> tuple[Successor, ...]:
        old_key, old = self._root_key(), self._current.root
        root = self._new_root()
        link = issue(
            profiles.ROOT,
            root.certificate.subject,
            root.key.public_key(),
            self._within(old, self._validity(old, profiles.DEFAULT_ROOT_DAYS)),
            Issuer(old, old_key),
        )
        last = self._below(root)
        chain = last.chain
        linked = Chain(chain.root, chain.intermediates, chain.server, (link,))
        return (Successor("transition", linked, last.server_key, last.authority), last)

    def _cut_over(self) -> tuple[Successor, ...]:
        return (self._below(self._new_root()),)

    def _new_root(self) -> Issuer:
        old, key = self._current.root, self._make_key()
        root = issue(
            profiles.ROOT,
            self._fresh_name(old.subject),
            key.public_key(),
            self._validity(old, profiles.DEFAULT_ROOT_DAYS),
            key,
        )
        return Issuer(root, key)

    def _below(self, root: Issuer) -> Successor:
        """Issue a new intermediate and a new server certificate under a root."""
        old = self._current.intermediates[-1] if self._current.intermediates else None
        key = self._make_key()
        name = self._fresh_name(old.subject) if old else names.subject("ENGAGE Intermediate")
        intermediate = issue(
            profiles.INTERMEDIATE,
            name,
            key.public_key(),
            self._within(root.certificate, self._validity(old, profiles.DEFAULT_INTERMEDIATE_DAYS)),
            root,
        )
        server, server_key = self._server(Issuer(intermediate, key))
        chain = Chain(root.certificate, (intermediate,), server)
        return Successor("next", chain, server_key, AuthorityKeys(root.key, key))

    def _server(self, issuer: Issuer) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        key = self._make_key()
        validity = profiles.validity(self._now, profiles.DEFAULT_SERVER_DAYS)
        organization = _attribute(self._current.server.subject, NameOID.ORGANIZATION_NAME)
        subject = names.subject(names.common_name_of(self._hosts), organization)
        within = self._within(issuer.certificate, validity)
        return issue(profiles.SERVER, subject, key.public_key(), within, issuer, self._hosts), key

    def _root_key(self) -> rsa.RSAPrivateKey:
        if self._authority.root is None:
            raise _missing("root")
        return self._authority.root

    def _validity(self, before: x509.Certificate | None, default_days: int) -> tuple[datetime, datetime]:
        """A validity as long as that of the predecessor or the default, whichever is longer."""
        lived = before.not_valid_after_utc - before.not_valid_before_utc if before else timedelta(0)
        return profiles.validity(self._now, max(default_days, lived.days))

    def _within(self, issuer: x509.Certificate, validity: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
        begin, end = max(validity[0], issuer.not_valid_before_utc), min(validity[1], issuer.not_valid_after_utc)
        if end - self._now < _SHORTEST_LIFE:
            raise CertificateInvalid(
                f"{names.display_name(issuer.subject)} expires on {issuer.not_valid_after_utc:%Y-%m-%d}; "
                "a certificate that it issues now would expire with it",
                "Renew the issuer first.",
            )
        return begin, end

    def _fresh_name(self, old: x509.Name) -> x509.Name:
        """The old name with this year appended, and a number if the old name already has this year."""
        common = _attribute(old, NameOID.COMMON_NAME) or "ENGAGE CA"
        label, found = str(self._now.year), _LABEL.search(common)
        if found is not None:
            common = common[: found.start()]
            if found["year"] >= label:
                label = f"{found['year']}-{int(found['number'] or 1) + 1}"
        fresh = f"{common[: names.MAX_COMMON_NAME_CHARACTERS - len(label) - 1]} {label}"
        kept = [each for each in old if each.oid != NameOID.COMMON_NAME]
        return x509.Name([*kept, x509.NameAttribute(NameOID.COMMON_NAME, fresh)])


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    return next((str(each.value) for each in name.get_attributes_for_oid(oid)), "")


def _key_identifier(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier | None:
    return extension(certificate, x509.SubjectKeyIdentifier)


def _missing(which: str) -> NotPossible:
    return NotPossible(
        f"the private key of the {which} certificate is not available here",
        "Give the authority's folder with --authority DIR, or run 'engage chain renew' where that folder is.",
        code="authority.missing",
    )
