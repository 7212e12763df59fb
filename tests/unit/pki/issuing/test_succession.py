"""What each way of a rotation issues, judged by OpenSSL with the old anchor and with the new one."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from engage_server.errors import CertificateInvalid, NotPossible
from engage_server.pki import encodings, keys
from engage_server.pki.byte_budget import measure
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.rehearsal import rehearse
from engage_server.pki.issuing.succession import AuthorityKeys, Successor, needed_key, succeed
from engage_server.pki.paths.path import arrange
from engage_server.records import RotationWay
from tests.support.chains import HOSTS, NOW, Recipe, good_chain, key
from tests.support.judges import Question, openssl_program

BUILT = good_chain("2026")
AUTHORITY = AuthorityKeys(BUILT.root_key, BUILT.intermediate_key)


def successors(way: RotationWay, current: Chain = BUILT.chain, authority: AuthorityKeys = AUTHORITY) -> list[Successor]:
    return list(succeed(way, current, authority, HOSTS, NOW))


def accepts(chain: Chain, anchor: x509.Certificate, folder: Path) -> bool:
    return openssl_program(Question(chain.server, anchor, chain.sent[1:]), folder)


@pytest.mark.parametrize(
    ("way", "titles", "old_accepts"),
    [
        (RotationWay.SERVER_RENEWAL, ["next"], [True]),
        (RotationWay.INTERMEDIATE_RENEWAL, ["next"], [True]),
        (RotationWay.ROOT_RENEWAL, ["next"], [True]),
        (RotationWay.LINKED_REKEY, ["transition", "next"], [True, False]),
        (RotationWay.CUT_OVER, ["next"], [False]),
    ],
)
def test_who_accepts_what(way: RotationWay, titles: list[str], old_accepts: list[bool], tmp_path: Path) -> None:
    found = successors(way)
    assert [each.title for each in found] == titles
    for each, old in zip(found, old_accepts, strict=True):
        assert accepts(each.chain, BUILT.chain.root, tmp_path) is old
        assert accepts(each.chain, each.chain.root, tmp_path)
        assert not accepts(each.chain, good_chain("stranger").chain.root, tmp_path), "the negative control"
        assert keys.keys_match(each.server_key, each.chain.server.public_key())
        assert measure(each.chain).fits
        arranged = arrange([*each.chain.sent, each.chain.root])
        assert (arranged.root, arranged.sent) == (each.chain.root, each.chain.sent)


def test_the_root_is_renewed_under_its_own_name_and_key() -> None:
    (found,) = successors(RotationWay.ROOT_RENEWAL)
    old, new = BUILT.chain.root, found.chain.root
    assert (new.subject, new.public_key()) == (old.subject, old.public_key())
    assert new != old
    assert found.chain.intermediates[0].public_key() != BUILT.chain.intermediates[0].public_key()


def test_cas_with_different_keys_have_different_names() -> None:
    for way in (RotationWay.LINKED_REKEY, RotationWay.CUT_OVER, RotationWay.INTERMEDIATE_RENEWAL):
        current, authority = BUILT.chain, AUTHORITY
        names = {current.root.subject, current.intermediates[0].subject}
        for number in range(3):
            found = succeed(way, current, authority, HOSTS, NOW)[-1]
            current = found.chain
            authority = AuthorityKeys(found.authority.root or authority.root, found.authority.intermediate)
            names |= {current.root.subject, current.intermediates[0].subject}
            assert len(names) == 2 + (number + 1) * (1 if way is RotationWay.INTERMEDIATE_RENEWAL else 2)


def test_the_link_is_signed_by_the_old_root_and_ends_with_it() -> None:
    transition, last = successors(RotationWay.LINKED_REKEY)
    (link,) = transition.chain.links
    link.verify_directly_issued_by(BUILT.chain.root)
    assert link.public_key() == transition.chain.root.public_key()
    assert link.subject == transition.chain.root.subject
    assert link.not_valid_after_utc <= BUILT.chain.root.not_valid_after_utc
    assert transition.chain.sent[-1] == link
    assert measure(transition.chain).total == measure(last.chain).total + len(encodings.der(link))
    assert last.chain.links == ()


def test_nothing_outlives_its_issuer() -> None:
    for way in RotationWay:
        for each in successors(way):
            path = [each.chain.root, *reversed(each.chain.intermediates), each.chain.server]
            ends = [certificate.not_valid_after_utc for certificate in path]
            assert ends == sorted(ends, reverse=True)


def test_each_way_asks_for_the_key_that_it_needs() -> None:
    for way in RotationWay:
        needed = needed_key(way, BUILT.chain)
        without = AuthorityKeys(
            None if needed == "root" else BUILT.root_key, None if needed == "intermediate" else BUILT.intermediate_key
        )
        if not needed:
            assert successors(way, authority=AuthorityKeys())
            continue
        with pytest.raises(NotPossible, match=f"key of the {needed} certificate is not available here"):
            successors(way, authority=without)


def test_an_issuer_that_ends_is_renewed_first() -> None:
    chain, _ = Recipe(intermediate_until=NOW + timedelta(days=5)).build()
    with pytest.raises(CertificateInvalid, match="that it issues now would expire with it"):
        successors(RotationWay.SERVER_RENEWAL, chain, AuthorityKeys(key(0), key(1)))
    assert successors(RotationWay.INTERMEDIATE_RENEWAL, chain, AuthorityKeys(key(0), key(1)))


def test_an_outside_root_keeps_its_own_key_identifier(tmp_path: Path) -> None:
    """Old anchors are found by it: OpenSSL refuses an issuer whose identifier is another."""
    chain, _ = Recipe().build()
    (found,) = successors(RotationWay.ROOT_RENEWAL, chain, AuthorityKeys(key(0), key(1)))
    assert accepts(found.chain, chain.root, tmp_path)


def test_a_root_with_a_path_length_can_not_be_linked(tmp_path: Path) -> None:
    chain, _ = Recipe(root_path_length=1).build()
    transition, last = successors(RotationWay.LINKED_REKEY, chain, AuthorityKeys(key(0), key(1)))
    assert not accepts(transition.chain, chain.root, tmp_path)
    assert accepts(transition.chain, last.chain.root, tmp_path)


@pytest.mark.parametrize("way", list(RotationWay))
def test_a_rehearsal_has_the_bytes_of_the_real_thing(way: RotationWay) -> None:
    copy = rehearse(BUILT.chain, [key(number) for number in range(3)])
    assert measure(copy.chain).rows == measure(BUILT.chain).rows
    rehearsed = successors(way, copy.chain, copy.authority)
    real = successors(way)
    assert [measure(each.chain).rows for each in rehearsed] == [measure(each.chain).rows for each in real]
    assert copy.chain.root.public_key() != BUILT.chain.root.public_key()


def test_a_chain_of_one_issuer_can_be_renewed() -> None:
    root = BUILT.chain.root
    short = Chain(root, (), BUILT.chain.server)
    assert needed_key(RotationWay.SERVER_RENEWAL, short) == "root"
    (found,) = successors(RotationWay.SERVER_RENEWAL, short, AuthorityKeys(BUILT.root_key, None))
    found.chain.server.verify_directly_issued_by(root)
    assert found.chain.intermediates == ()
