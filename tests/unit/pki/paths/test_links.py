"""A link certificate leads to the old root, and neither is a stranger."""

import pytest
from cryptography import x509

from engage_server.pki.paths.path import find_path
from tests.support.field_cases import CASES, root_of, sent_in

_CASE = "transition-with-link/chain"
_OLD = x509.load_pem_x509_certificate((CASES / "transition-with-link" / "old-root.pem").read_bytes())
_SERVER, _INTERMEDIATE, _LINK = sent_in(_CASE)
_NEW = root_of(_CASE)


@pytest.mark.parametrize("heap", [(*sent_in(_CASE), _NEW, _OLD), (_OLD, _NEW, *reversed(sent_in(_CASE)))])
def test_both_ends_are_found(heap: tuple[x509.Certificate, ...]) -> None:
    by_new, by_old = find_path(heap), find_path(heap, anchor=_OLD)
    assert by_new.path == (_SERVER, _INTERMEDIATE, _NEW)
    assert (by_new.links, by_new.other_roots, by_new.unrelated) == ((_LINK,), (_OLD,), ())
    assert by_old.path == (_SERVER, _INTERMEDIATE, _LINK, _OLD)
    assert (by_old.links, by_old.other_roots, by_old.unrelated) == ((), (_NEW,), ())


def test_without_the_new_root_the_link_is_the_way() -> None:
    assert find_path((*sent_in(_CASE), _OLD)).path == (_SERVER, _INTERMEDIATE, _LINK, _OLD)


def test_without_the_link_the_old_root_is_a_stranger() -> None:
    found = find_path((_SERVER, _INTERMEDIATE, _NEW, _OLD))
    assert (found.unrelated, found.other_roots) == ((_OLD,), ())
