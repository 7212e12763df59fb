"""Sites, releases and the gate between staging and serving."""

import base64
import hashlib
import hmac
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engage_server.checks import Severity
from engage_server.errors import CertificateInvalid, Conflict, FileNotUsable, HostInvalid, NotFound, Refused, UsageError
from engage_server.pki import encodings, keys
from engage_server.records import AnchorRole, AuditAction, Host, ReleaseState, RequiredEvidence
from engage_server.services.chains.folder import ChainMaterial, read_chain_folder
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, SITE_KEY, Recipe, good_chain, key
from tests.support.stored import audit_events
from tests.support.world import World, serial_of


def test_a_release_holds_what_the_folder_held(world: World) -> None:
    world.add_site()
    folder = world.chain_folder()
    checked = world.releases.stage(read_chain_folder(folder), "main", world.occasion)
    release = checked.release
    assert checked.findings == ()
    assert release.anchor_der == (folder / "partner_CA.der").read_bytes()
    expected = hmac.new(SITE_KEY.reveal(), release.anchor_der, hashlib.sha1).digest()
    assert base64.b64decode(release.anchor_hash) == expected
    assert encodings.pem(chain_of(release).sent) == (folder / "partner_server.pem").read_bytes()
    assert world.store.private_key("main", 1).reveal() == (folder / "partner_server.key").read_bytes()


def test_the_intermediate_is_distributed_where_the_site_chose_it(world: World) -> None:
    world.add_site(anchor=AnchorRole.INTERMEDIATE)
    folder = world.chain_folder()
    checked = world.releases.stage(read_chain_folder(folder), "main", world.occasion)
    assert checked.release.anchor_der == (folder / "partner_intermediate.der").read_bytes()
    assert [finding.code for finding in checked.findings] == ["anchor.intermediate"]


def test_staging_serves_nothing(world: World) -> None:
    world.add_site()
    world.release(activate=False)
    assert world.store.release("main", 1).state is ReleaseState.STAGED
    assert not world.distribution().is_ready


def test_a_key_that_does_not_fit_is_not_staged(world: World) -> None:
    world.add_site()
    with pytest.raises(Refused, match=r"locks\.example\.org: the private key does not belong to it"):
        world.releases.stage(ChainMaterial(good_chain().chain, key(0)), "main", world.occasion)
    assert world.store.releases() == []


def test_the_same_chain_is_one_release(world: World) -> None:
    world.add_site()
    material = read_chain_folder(world.chain_folder())
    world.releases.stage(material, "main", world.occasion)
    with pytest.raises(Conflict, match="is already release 1 of main"):
        world.releases.stage(material, "main", world.occasion)


def _bad(world: World) -> int:
    world.add_site()
    chain, server_key = Recipe(padding_bytes=3000, server_san=HOSTS[:2]).build()
    checked = world.releases.stage(ChainMaterial(chain, server_key), "main", world.occasion)
    assert {finding.code for finding in checked.errors} == {"chain.too_long", "san.host_missing"}
    return checked.release.number


def test_nothing_bad_goes_live(world: World) -> None:
    number = _bad(world)
    for overrides in ({}, {"chain.too_long": "only RU here"}):
        with pytest.raises(Refused, match="cannot be activated") as caught:
            world.releases.activate("main", number, overrides, world.occasion)
        assert "san.host_missing" in caught.value.sentence
    assert world.store.release("main", number).state is ReleaseState.STAGED


def test_an_override_names_each_error_and_a_reason_and_is_kept(world: World) -> None:
    number = _bad(world)
    reasons = {"chain.too_long": "only RU here", "san.host_missing": "loopback is for trials"}
    with pytest.raises(UsageError, match="has no reason"):
        world.releases.activate("main", number, {**reasons, "chain.too_long": " "}, world.occasion)
    with pytest.raises(UsageError, match=r"no error key\.mismatch to override"):
        world.releases.activate("main", number, {**reasons, "key.mismatch": "why not"}, world.occasion)
    with pytest.raises(UsageError, match="control character"):
        world.releases.activate("main", number, {**reasons, "chain.too_long": "a bell \a"}, world.occasion)
    checked = world.releases.activate("main", number, reasons, world.occasion)
    assert checked.release.state is ReleaseState.CURRENT
    told = audit_events(world.store)[-1]
    assert told.action is AuditAction.RELEASE_ACTIVATED
    assert told.facts["override chain.too_long"] == "only RU here"
    assert told.facts["override san.host_missing"] == "loopback is for trials"


def test_what_was_right_at_staging_can_be_wrong_at_activation(world: World) -> None:
    world.add_site()
    number = world.release(activate=False)
    with pytest.raises(Refused, match=r"validity\.expired"):
        world.releases.activate("main", number, {}, world.later(days=900))
    world.releases.activate("main", number, {}, world.later(days=800))


def test_warnings_do_not_stop_an_activation(world: World) -> None:
    world.add_site()
    chain, server_key = Recipe(root_path_length=1).build()
    number = world.releases.stage(ChainMaterial(chain, server_key), "main", world.occasion).release.number
    checked = world.releases.activate("main", number, {}, world.occasion)
    assert ("root.path_length", Severity.WARNING) in {(each.code, each.severity) for each in checked.findings}
    assert checked.release.state is ReleaseState.CURRENT


@pytest.mark.parametrize("name", ["", "Main", "a b", "../x", "-a", "a" * 64, "é"])
def test_site_names(name: str, world: World) -> None:
    with pytest.raises(UsageError, match="cannot be a site's name"):
        world.add_site(name)


def test_hosts_of_a_site(world: World) -> None:
    with pytest.raises(UsageError, match="has no host"):
        world.add_site(hosts=())
    long = Host(".".join(["a" * 63] * 3 + ["b" * 10]))
    with pytest.raises(HostInvalid, match="devices read 256"):
        world.add_site(hosts=(long,))
    world.add_site(hosts=(HOSTS[0], HOSTS[1], HOSTS[0]))
    assert world.store.site("main").hosts == HOSTS[:2]


def test_the_default_site_is_meant_when_none_is_named(world: World) -> None:
    with pytest.raises(NotFound):
        world.sites.get(None)
    world.add_site("b", (Host("b.example"),))
    world.add_site("a", (Host("a.example"),))
    assert world.sites.get(None).name == "b"
    world.sites.make_default("a", world.occasion)
    assert world.sites.get(None).name == "a"


def test_a_site_demands_tokens_only_where_some_device_sent_one(world: World) -> None:
    """Their form is an assumption for locks: a site whose devices send none would wait forever."""
    world.add_site()
    wanted = SiteChanges(evidence=RequiredEvidence.AUTHENTICATED)
    handshake = world.finished(1, 1, world.occasion.now)
    world.see(handshake)
    with pytest.raises(Refused, match="has ever sent a valid token") as caught:
        world.sites.change(world.store.site("main"), wanted, "", world.occasion)
    assert caught.value.code == "evidence.no_token_seen"
    assert world.store.site("main").evidence is RequiredEvidence.ANY
    proven_at = int(handshake.at.timestamp())
    world.see(replace(handshake, authenticated=True, token_time=proven_at))
    world.sites.change(world.store.site("main"), wanted, "why", world.occasion)
    assert world.store.site("main").evidence is RequiredEvidence.AUTHENTICATED
    told = audit_events(world.store)[-1]
    assert (told.before["evidence"], told.facts["evidence"], told.reason) == ("any", "authenticated", "why")
    world.evidence.forget(serial_of(1), None, "", world.occasion)
    world.sites.change(world.store.site("main"), SiteChanges(hosts=HOSTS[:1]), "", world.occasion)
    assert world.store.site("main").evidence is RequiredEvidence.AUTHENTICATED, "other changes leave it"
    world.sites.change(world.store.site("main"), SiteChanges(evidence=RequiredEvidence.ANY), "", world.occasion)
    assert world.store.site("main").evidence is RequiredEvidence.ANY


def test_exporting_a_key(world: World, tmp_path: Path) -> None:
    world.add_site()
    file = tmp_path / "main.key"
    world.sites.export_key("main", file, world.occasion)
    assert base64.b64decode(file.read_bytes()) == SITE_KEY.reveal()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audit_events(world.store)[-1].action is AuditAction.SITE_KEY_EXPORTED
    with pytest.raises(Conflict, match="exists already"):
        world.sites.export_key("main", file, world.occasion)
    with pytest.raises(FileNotUsable):
        world.sites.export_key("main", tmp_path / "nowhere" / "x", world.occasion)


def test_devices_by_either_spelling(world: World) -> None:
    world.add_site()
    assert world.sites.add_device("AAAAAAAAAACgsQAAAAACBg==", "main", world.occasion).serial.endswith(
        "A0B1000000000206"
    )
    with pytest.raises(UsageError, match="is not a serial number"):
        world.sites.add_device("12", "main", world.occasion)


class TestChainFolder:
    """Folders as the product writes them, and as others do."""

    def test_modes(self, world: World) -> None:
        folder = world.chain_folder()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.iterdir():
            expected = 0o600 if file.suffix == ".key" else 0o644
            assert stat.S_IMODE(file.stat().st_mode) == expected, file

    def test_the_vendors_way_with_the_leaf_alone(self, world: World) -> None:
        folder = world.chain_folder()
        chain = read_chain_folder(folder).chain
        (folder / "partner_server.pem").write_bytes(b"Certificate:\n  Data:\n" + encodings.pem([chain.server]))
        assert read_chain_folder(folder).chain == chain
        (folder / "partner_CA.pem").unlink()
        assert read_chain_folder(folder).chain == chain
        (folder / "partner_intermediate.pem").unlink()
        (folder / "partner_intermediate.der").unlink()
        with pytest.raises(CertificateInvalid, match=r"issuer of .* is missing"):
            read_chain_folder(folder)

    def test_missing_and_unreadable_files(self, world: World, tmp_path: Path) -> None:
        with pytest.raises(FileNotUsable, match="is not a folder"):
            read_chain_folder(tmp_path / "gone")
        folder = world.chain_folder()
        key_file = folder / "partner_server.key"
        key_file.write_bytes(keys.private_key_pem(key(0), SITE_KEY).reveal())
        with pytest.raises(UsageError, match=r"partner_server\.key: the private key is encrypted"):
            read_chain_folder(folder)
        key_file.unlink()
        with pytest.raises(FileNotUsable, match=r"partner_server\.key"):
            read_chain_folder(folder)
        (folder / "partner_CA.pem").write_text("nothing")
        with pytest.raises(CertificateInvalid, match=r"partner_CA\.pem: it contains no certificate"):
            read_chain_folder(folder)
