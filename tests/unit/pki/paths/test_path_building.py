"""The path among CAs that were renewed and certify each other: a sound one is found exactly where there is one."""

import random
import time
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.pki.paths.path import find_path
from engage_server.pki.paths.soundness import faults_of
from tests.support.chains import NOW, key
from tests.support.defects import DAY, Draft, cn, right_plan
from tests.support.lengths import examples
from tests.support.trust_graphs import GRAPHS, SERVER, SPOILS, TrustGraph, edges_that_matter, leads, made


def _finds_a_sound_path(graph: TrustGraph, sent: tuple[x509.Certificate, ...]) -> bool:
    path = find_path((*sent, graph.root), anchor=graph.root, now=NOW).path
    return path[0] in graph.sent and path[-1] == graph.root and faults_of(path, NOW) == 0


@st.composite
def _spoilt_graphs(draw: st.DrawFn) -> tuple[str, str, frozenset[tuple[str, str]], str, int]:
    name = draw(st.sampled_from(sorted(GRAPHS)))
    edges = sorted(edges_that_matter(name))
    trusted = draw(st.sampled_from(sorted({edge[0] for edge in GRAPHS[name]})))
    spoilt = draw(st.frozensets(st.sampled_from(edges), max_size=4))
    return name, trusted, spoilt, draw(st.sampled_from(sorted(SPOILS))), draw(st.integers(0, 99))


@given(_spoilt_graphs())
@settings(max_examples=examples(all=150, quick=60, campaign=400), derandomize=True, deadline=None)
def test_a_sound_path_is_found_where_there_is_one(drawn: tuple[str, str, frozenset[tuple[str, str]], str, int]) -> None:
    name, trusted, spoilt, spoil, order = drawn
    graph = made(GRAPHS[name], trusted, spoilt, spoil)
    server, *others = graph.sent
    random.Random(order).shuffle(others)  # noqa: S311  # not for secrets
    assert _finds_a_sound_path(graph, (server, *others)) is leads(GRAPHS[name], trusted, spoilt)


# BetterTLS' cases 16, 30, 48 and 54 of path building
@pytest.mark.parametrize(
    ("name", "trusted", "spoilt", "spoil"),
    [
        ("a line", "I", {("T", "I")}, "expired"),
        ("two roots", "U", {("T", "I")}, "expired"),
        ("figure 7", "T", set(), "expired"),
        ("figure 7", "T", {("T", "C"), ("A", "B")}, "SHA-1"),
    ],
)
def test_better_tls(name: str, trusted: str, spoilt: set[tuple[str, str]], spoil: str) -> None:
    graph = made(GRAPHS[name], trusted, frozenset(spoilt), spoil)
    assert leads(GRAPHS[name], trusted, frozenset(spoilt))
    assert _finds_a_sound_path(graph, graph.sent)
    assert _finds_a_sound_path(graph, (graph.sent[0], *reversed(graph.sent[1:])))


def test_where_every_way_is_spoilt_the_path_has_a_fault() -> None:
    graph = made(GRAPHS["two roots"], "T", frozenset({("T", "I")}), "no CA")
    assert not _finds_a_sound_path(graph, graph.sent)
    assert find_path((*graph.sent, graph.root), anchor=graph.root, now=NOW).path[-1] == graph.root


def test_without_a_time_dates_are_not_looked_at() -> None:
    plan = right_plan()
    old = Draft(**{**vars(plan.drafts["intermediate"]), "since": NOW - 900 * DAY, "until": NOW - DAY})
    certificates = plan.certificates()
    heap = (certificates["server"], old.signed_by(plan.drafts["root"]), certificates["intermediate"])
    assert find_path((*heap, certificates["root"])).path[1] == heap[1]
    assert find_path((*heap, certificates["root"]), now=NOW).path[1] == heap[2]
    assert find_path((*heap, certificates["root"]), now=NOW - 500 * DAY).path[1] == heap[1]


def test_many_that_certify_each_other_take_a_second_at_most() -> None:
    """As many as a target may hold: each of five CAs certifies each other, several times."""
    drafts = [Draft(cn(f"C{number}"), key(number), NOW + 99 * DAY, True) for number in range(5)]
    pairs = [(issuer, each) for issuer in drafts for each in drafts if issuer is not each]
    certificates = [each.signed_by(issuer) for issuer, each in (pairs * 2)[:31]]
    server = Draft(cn(SERVER), key(9), NOW + 99 * DAY, False).signed_by(drafts[0])
    begun = time.process_time()
    path = find_path((server, *certificates), now=NOW).path
    assert path[0] == server
    assert len(path) > 2
    assert timedelta(seconds=time.process_time() - begun) < timedelta(seconds=1)
