"""pkilint, made to lint the certificates of public CAs, finds no error in what ``chain build`` can make."""

import gc
import os
import warnings
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pkilint.bin import lint_pkix_cert, lint_pkix_signer_signee_cert_chain

from engage_server.errors import UsageError
from engage_server.pki import encodings
from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.pki.names import MAX_ORGANIZATION_CHARACTERS
from engage_server.records import Host
from tests.support.chains import NOW
from tests.support.defects import DEFECTS, right_plan
from tests.support.lengths import examples
from tests.support.strategies import hosts

# the same chains in every run of CI; LINTED_CHAINS=300 makes new ones
_ASKED = os.environ.get("LINTED_CHAINS")

_organizations = st.text(max_size=MAX_ORGANIZATION_CHARACTERS)
_lifetimes = st.tuples(st.integers(1, 824), st.integers(825, 3652), st.integers(3653, 9000)).map(
    lambda days: Lifetimes(root_days=days[2], intermediate_days=days[1], server_days=days[0])
)
_plans = st.builds(
    ChainPlan,
    hosts=st.lists(hosts, min_size=1, max_size=5, unique=True).map(tuple),
    organization=_organizations,
    lifetimes=_lifetimes,
    label=st.from_regex(r"[A-Za-z0-9 ]{0,12}", fullmatch=True),
)


def _findings(path: list[Path], capsys: pytest.CaptureFixture[str]) -> str:
    """What pkilint prints of severity warning and up about each certificate, and about each with its issuer."""
    told = []
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # its programs leave the closing of files to their end
        for certificate in path:
            if lint_pkix_cert.main(["lint", "-s", "WARNING", str(certificate)]):
                told.append(f"{certificate.name}: {capsys.readouterr().out}")
        for certificate, issuer in pairwise(path):
            pair = [str(issuer), str(certificate)]
            if lint_pkix_signer_signee_cert_chain.main(["lint", "-s", "WARNING", *pair]):
                told.append(f"{certificate.name} of {issuer.name}: {capsys.readouterr().out}")
        gc.collect()
    return "\n".join(told)


def _written(certificates: tuple[object, ...], folder: Path) -> list[Path]:
    files = []
    for number, certificate in enumerate(certificates):
        files.append(folder / f"{number}.pem")
        files[-1].write_bytes(encodings.pem([certificate]))  # type: ignore[list-item]  # only certificates are given
    return files


@given(_plans)
@example(ChainPlan((Host("a.example"),)))
@example(ChainPlan((Host("10.0.0.1"), Host("2001:db8::1")), organization="Ä" * MAX_ORGANIZATION_CHARACTERS))
@example(ChainPlan((Host("a" * 60 + ".eu"), Host(".".join(["b" * 60] * 4))), lifetimes=Lifetimes(9000, 8999, 8998)))
@settings(
    max_examples=int(_ASKED or examples(all=6, quick=3, campaign=12)),
    derandomize=_ASKED is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_what_is_built(tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: ChainPlan) -> None:
    try:
        built = build_chain(plan, NOW)
    except UsageError:
        return  # it cannot be made, which the caller is told
    assert _findings(_written((*built.chain.sent, built.chain.root), tmp_path), capsys) == ""


@pytest.mark.parametrize("name", ["negative_serial", "end_in_the_long_form", "server_signed_by_a_stranger"])
def test_pkilint_does_find_what_is_wrong(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    certificates = plan.certificates()
    path = (certificates["server"], certificates["intermediate"], certificates["root"])
    assert "0.pem" in _findings(_written(path, tmp_path), capsys)
