"""An intermediate that does not say CA:TRUE is an issuer anyway, in whichever files it lies."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from engage_server.checks import Circumstances
from engage_server.checks.reports.result import TargetResult
from engage_server.pki import encodings, keys, names
from engage_server.services.chains.checking import Checker
from engage_server.services.chains.material import read_material
from tests.support.chains import HOSTS, NOW, Recipe, good_chain, key
from tests.support.containers import openssl

Chain = tuple[x509.Certificate, x509.Certificate, x509.Certificate]  # root, intermediate, server

_SERVER_KEY = keys.private_key_pem(key(2, 2048)).reveal()


@cache
def _built(intermediate: str) -> Chain:
    """A chain whose intermediate says CA:TRUE, CA:FALSE, or nothing, or is of version 1."""
    if intermediate in ("CA:TRUE", "CA:FALSE"):
        chain, _ = Recipe(intermediate_ca=intermediate == "CA:TRUE").build()
        return chain.root, chain.intermediates[0], chain.server
    like, _ = Recipe().build()
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.intermediates[0].subject)
        .issuer_name(like.root.subject)
        .public_key(key(1, 2048).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=7))
        .not_valid_after(NOW + timedelta(days=3000))
    )
    return like.root, builder.sign(key(0), hashes.SHA256()), like.server


def _of_version_1(folder: Path) -> Chain:
    """The same, as ``openssl x509 -req`` without an extension file issues it."""
    root, _, server = _built("CA:TRUE")
    files = {"ca.pem": encodings.pem([root]), "ca.key": keys.private_key_pem(key(0)).reveal()}
    files["own.key"] = keys.private_key_pem(key(1, 2048)).reveal()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    subject = names.display_name(server.issuer)
    request = openssl("req", "-new", "-key", str(folder / "own.key"), "-subj", f"/CN={subject}")
    arguments = ("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-days", "3000", "-set_serial", "7")
    return root, x509.load_pem_x509_certificate(openssl("x509", "-req", *arguments, given=request)), server


def _laid_out(folder: Path, chain: Chain, names_: tuple[str, str, str]) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, certificate in zip(names_, chain, strict=True):
        (folder / name).write_bytes(encodings.pem([certificate]))
    return [str(folder / name) for name in names_]


def _checked(*targets: str) -> list[TargetResult]:
    return list(Checker(Circumstances(NOW + timedelta(days=2), HOSTS)).results(*targets))


def _codes(result: TargetResult) -> set[str]:
    return {finding.code for finding in result.findings}


_NAMES = [("root.pem", "int.pem", "srv.pem"), ("z.crt", "m.cer", "a.pem"), ("1.pem", "3.pem", "2.pem")]
_WRONG = ["CA:FALSE", "no constraints"]


@pytest.mark.parametrize("names_", _NAMES)
@pytest.mark.parametrize("intermediate", ["CA:TRUE", *_WRONG])
def test_a_folder_and_its_files_are_one_chain(intermediate: str, names_: tuple[str, str, str], tmp_path: Path) -> None:
    files = _laid_out(tmp_path / "x", _built(intermediate), names_)
    for targets in ([str(tmp_path / "x")], files, files[::-1]):
        (result,) = _checked(*targets)
        assert [each.role for each in result.certificates] == ["root", "intermediate", "server"]
        assert ("path.issuer_not_ca" in _codes(result)) is (intermediate in _WRONG)
        assert "path.incomplete" not in _codes(result)


def test_a_ca_of_version_1_is_an_issuer(tmp_path: Path) -> None:
    chain = _of_version_1(tmp_path)
    assert chain[1].version is x509.Version.v1
    files = _laid_out(tmp_path / "x", chain, _NAMES[0])
    for targets in ([str(tmp_path / "x")], files):
        (result,) = _checked(*targets)
        assert {"path.issuer_not_ca"} <= _codes(result)


@pytest.mark.parametrize("intermediate", ["CA:TRUE", *_WRONG])
def test_the_intermediate_and_the_root_in_one_file(intermediate: str, tmp_path: Path) -> None:
    root, middle, server = _built(intermediate)
    (tmp_path / "ca.pem").write_bytes(encodings.pem([middle, root]))
    (tmp_path / "srv.pem").write_bytes(encodings.pem([server]))
    for targets in ([str(tmp_path)], [str(tmp_path / "ca.pem"), str(tmp_path / "srv.pem")]):
        (result,) = _checked(*targets)
        assert len(result.certificates) == 3


def test_two_chains_in_one_folder_have_each_its_issuer(tmp_path: Path) -> None:
    good = good_chain("other").chain
    files = _laid_out(tmp_path, _built("CA:FALSE"), ("root.pem", "int.pem", "srv.pem"))
    files += _laid_out(tmp_path, (good.root, good.intermediates[0], good.server), ("r.pem", "i.pem", "s.pem"))
    for targets in ([str(tmp_path)], files):
        found = {Path(result.target).name: result for result in _checked(*targets)}
        assert set(found) == {"s.pem", "srv.pem"}
        assert all(len(result.certificates) == 3 for result in found.values())
        assert "path.issuer_not_ca" in _codes(found["srv.pem"])
        assert "path.issuer_not_ca" not in _codes(found["s.pem"])


def test_an_issuer_of_another_chain_does_not_stand_in_for_a_missing_one(tmp_path: Path) -> None:
    """The control: what is missing is still reported, with a wrong intermediate of another chain beside it."""
    good = good_chain("other").chain
    _laid_out(tmp_path, _built("CA:FALSE"), ("root.pem", "int.pem", "srv.pem"))
    (tmp_path / "alone.pem").write_bytes(encodings.pem([good.server]))
    found = {Path(result.target).name: result for result in _checked(str(tmp_path))}
    assert "path.incomplete" in _codes(found["alone.pem"])
    assert len(found["alone.pem"].certificates) == 1


def test_server_certificates_stay_separate_chains(tmp_path: Path) -> None:
    """The other control: files that issued nothing to each other are judged one by one, as they were named."""
    good = good_chain("other").chain
    for name, certificates in {"a.pem": [_built("CA:TRUE")[2]], "b.pem": good.sent, "c.pem": [good.server]}.items():
        (tmp_path / name).write_bytes(encodings.pem(certificates))
    files = [str(tmp_path / name) for name in ("c.pem", "a.pem", "b.pem")]
    assert [result.target for result in _checked(*files)] == files
    (tmp_path / "ca.pem").write_bytes(encodings.pem([_built("CA:TRUE")[0]]))
    lonely = [files[2], str(tmp_path / "ca.pem")]
    assert [result.target for result in _checked(*lonely)] == lonely, "no chain needs this root"


def test_the_next_step_names_all_files_of_the_chain(tmp_path: Path) -> None:
    files = _laid_out(tmp_path, _built("CA:TRUE"), _NAMES[0])
    (tmp_path / "own.key").write_bytes(_SERVER_KEY)
    (result,) = _checked(*files, str(tmp_path / "own.key"))
    assert result.can_be_staged
    named = [Path(name).name for name in (result.target, *result.beside)]
    assert named == ["srv.pem", "root.pem", "int.pem", "own.key"]


@pytest.mark.parametrize("intermediate", ["CA:TRUE", *_WRONG])
def test_stage_reads_the_same_folder_as_one_chain(intermediate: str, tmp_path: Path) -> None:
    files = _laid_out(tmp_path / "x", _built(intermediate), _NAMES[0])
    (tmp_path / "x" / "srv.key").write_bytes(_SERVER_KEY)
    for paths in ([tmp_path / "x"], [*map(Path, files), tmp_path / "x" / "srv.key"]):
        material = read_material(paths)
        assert material.chain.intermediates == (_built(intermediate)[1],)
        assert keys.keys_match(material.server_key, material.chain.server.public_key())
