"""Which files are one chain: folders as ACME clients, Kubernetes and people leave them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import FileNotUsable
from engage_server.pki import encodings, keys
from engage_server.services.chains.targets import CheckTarget, groups_of, read_target
from tests.support.chains import good_chain, key
from tests.support.containers import BUILT, CHAIN, INTERMEDIATE, KEY, LEAF, ROOT, pfx, request

OTHER = good_chain("other")
FULL, FOREIGN_KEY = encodings.pem(CHAIN[:2]), keys.private_key_pem(key(0)).reveal()
OTHER_FULL, OTHER_KEY = encodings.pem(OTHER.chain.sent), keys.private_key_pem(OTHER.server_key).reveal()


def pem(*certificates: object) -> bytes:
    """PEM of some of the chain."""
    return encodings.pem(certificates)  # type: ignore[arg-type]


LAYOUTS: dict[str, dict[str, bytes]] = {
    "certbot": {"cert.pem": pem(LEAF), "chain.pem": pem(INTERMEDIATE), "fullchain.pem": FULL, "privkey.pem": KEY},
    "step": {"locks.crt": FULL, "locks.key": KEY, "root_ca.crt": pem(ROOT)},
    "acme.sh": {"locks.cer": pem(LEAF), "ca.cer": pem(INTERMEDIATE), "fullchain.cer": FULL, "locks.key": KEY},
    "lego": {"locks.crt": FULL, "locks.issuer.crt": pem(INTERMEDIATE), "locks.key": KEY},
    "win-acme": {
        "locks-crt.pem": pem(LEAF),
        "locks-chain.pem": FULL,
        "locks-chain-only.pem": pem(INTERMEDIATE),
        "locks-key.pem": KEY,
    },
    "Kubernetes": {"tls.crt": FULL, "tls.key": KEY, "ca.crt": pem(ROOT)},
    "single files": {"1.crt": pem(LEAF), "2.crt": pem(INTERMEDIATE), "3.crt": pem(ROOT), "4.key": KEY},
    "with a request and a list": {
        "fullchain.pem": FULL,
        "privkey.pem": KEY,
        "old.pem": request().public_bytes(Encoding.PEM),
    },
}


def laid_out(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def targets(folder: Path) -> dict[str, CheckTarget]:
    """The chains in it, by their names within it."""
    found = (read_target(group) for group in groups_of(folder))
    return {str(Path(each.name).relative_to(folder)): each for each in found}


def is_mine(target: CheckTarget) -> bool:
    """Whether the key that was found is the server's."""
    return target.server_key is not None and keys.keys_match(target.server_key, LEAF.public_key())


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_of_one_server_is_one_chain(name: str, tmp_path: Path) -> None:
    found = targets(laid_out(tmp_path, LAYOUTS[name]))
    assert list(found) == ["."]
    assert {LEAF, INTERMEDIATE} <= set(found["."].certificates)
    assert is_mine(found["."])
    assert found["."].sent in (None, (LEAF, INTERMEDIATE))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_wrong_key_beside_it_is_found(name: str, tmp_path: Path) -> None:
    wrong = {file: FOREIGN_KEY if content == KEY else content for file, content in LAYOUTS[name].items()}
    (target,) = targets(laid_out(tmp_path, wrong)).values()
    assert target.server_key is not None
    assert not is_mine(target)


def test_two_servers_in_a_folder_have_each_its_key_and_the_cas_they_share(tmp_path: Path) -> None:
    files = {"a.pem": FULL, "b.pem": OTHER_FULL, "b.key": FOREIGN_KEY, "keys.pem": KEY, "ca.pem": pem(ROOT)}
    found = targets(laid_out(tmp_path, files))
    assert list(found) == ["a.pem", "b.pem"]
    assert is_mine(found["a.pem"])
    assert ROOT in found["a.pem"].certificates
    assert ROOT not in found["b.pem"].certificates
    assert found["b.pem"].server_key is not None, "the one of its name"


def test_one_chain_in_two_containers_is_judged_twice(tmp_path: Path) -> None:
    found = targets(laid_out(tmp_path, {"chain.pem": pem(*CHAIN), "chain.pfx": pfx(), "server.pem": pem(LEAF)}))
    assert list(found) == ["chain.pem", "chain.pfx"]


def test_an_unreadable_file_is_told_by_itself_and_the_others_are_judged(tmp_path: Path) -> None:
    laid_out(tmp_path, LAYOUTS["certbot"] | {"bad.pem": b"<html>"})
    named = {group.name.name: [file.error for file in group.files if file.error] for group in groups_of(tmp_path)}
    assert set(named) == {tmp_path.name, "bad.pem"}
    assert named[tmp_path.name] == []
    assert len(named["bad.pem"]) == 1


def test_folders_below_are_looked_into_as_well(tmp_path: Path) -> None:
    laid_out(tmp_path, {"root.pem": pem(ROOT)})
    laid_out(tmp_path / "a", LAYOUTS["certbot"])
    laid_out(tmp_path / ".hidden", LAYOUTS["certbot"])
    (tmp_path / "round").symlink_to(tmp_path)
    assert list(targets(tmp_path)) == [".", "a"]


def test_links_to_files_are_read_as_certbot_makes_them(tmp_path: Path) -> None:
    laid_out(tmp_path / "archive", LAYOUTS["certbot"])
    (tmp_path / "live").mkdir()
    for name in LAYOUTS["certbot"]:
        (tmp_path / "live" / name).symlink_to(tmp_path / "archive" / name)
    assert is_mine(targets(tmp_path / "live")["."])


def test_many_files_are_read_one_at_a_time_each_with_its_key(tmp_path: Path) -> None:
    files = {f"{number:02}.pem": FULL for number in range(40)} | {"07.key": KEY, "lonely.key": KEY, "x.pem": KEY}
    found = targets(laid_out(tmp_path, files))
    assert list(found) == [f"{number:02}.pem" for number in range(40)]
    assert [name for name, target in found.items() if target.server_key] == ["07.pem"]


def test_cas_alone_are_a_chain_without_its_end(tmp_path: Path) -> None:
    assert list(targets(laid_out(tmp_path, {"i.pem": pem(INTERMEDIATE), "r.pem": pem(ROOT)}))) == ["."]
    laid_out(tmp_path, {"both.pem": pem(INTERMEDIATE, ROOT)})
    assert list(targets(tmp_path)) == ["both.pem", "i.pem", "r.pem"]


def test_a_folder_that_is_closed_is_told_and_the_others_are_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out(tmp_path / "a", LAYOUTS["certbot"])
    laid_out(tmp_path / "closed", LAYOUTS["certbot"])
    usual = Path.iterdir

    def closed(path: Path) -> Iterator[Path]:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return usual(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    groups = {group.name.name: group for group in groups_of(tmp_path)}
    assert list(groups) == ["a", "closed"]
    with pytest.raises(FileNotUsable, match="this folder cannot be read: Permission denied"):
        read_target(groups["closed"])
    with pytest.raises(FileNotUsable, match="this folder cannot be read"):
        list(groups_of(tmp_path / "closed"))


@pytest.mark.parametrize("name", ["gone", "x" * 300, "nul\0"])
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotUsable, match="no such file or folder"):
        list(groups_of(tmp_path / name))


def test_the_control_of_a_layout() -> None:
    assert keys.keys_match(BUILT.server_key, LEAF.public_key())
    assert OTHER_KEY != KEY
