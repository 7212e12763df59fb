"""What ``links.toml`` must say before the portal may call, and each error with the key that is wrong."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engage_server.errors import EngageError, SettingsInvalid
from engage_server.links.ingress.parts import Parts
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.partners import prepare
from engage_server.links.telekom.ingress_part import read_telekom_part
from engage_server.links.telekom.notifications.acknowledgement import EXAMPLE, read_acknowledgement
from engage_server.pki.encodings import pem
from engage_server.records import PathEvent
from tests.support.chains import good_chain
from tests.support.hidden import run_without
from tests.support.ingress import host_files
from tests.support.signed_messages import NOW, party
from tests.support.telekom_links import LINKS, links_file, write_links


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_links(tmp_path, NOW)
    return tmp_path


def refused(folder: Path, old: str, new: str) -> str:
    text = (folder / "links.toml").read_text()
    assert old in text
    (folder / "links.toml").write_text(text.replace(old, new))
    with pytest.raises(SettingsInvalid) as error:
        read_telekom_part(links_file(folder))
    assert error.value.next_step
    return error.value.sentence


def test_a_whole_file_is_read(folder: Path) -> None:
    (agreed,) = read_telekom_part(links_file(folder)).agreed
    assert agreed.signer.signature_algorithm == "rsa-sha256"
    assert agreed.trust.parts == ("body", "timestamp")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('sign_certificate_file = "own.pem"\n', "", "[telekom.ta]: the key sign_certificate_file is missing"),
        ('sign_key_file = "own.key"\n', "", "[telekom.ta]: the key sign_key_file is missing"),
        ('telekom_sign_certificate_file = "telekom.pem"\n', "", "the key telekom_sign_certificate_file is missing"),
        ('acknowledgement_file = "ack.xml"\n', "", "[telekom]: the key acknowledgement_file is missing"),
        ("identifiers = [", "identifier = [", "Did you mean identifiers?"),
        ('identifiers = ["8949020000001234567"]', "identifiers = []", "identifiers: there is no identifier"),
        ('environment = "ta"', 'environment = "test"', "environment: it must be one of: ta, pe"),
        ("[telekom]", '[telekom]\nparts = ["body"]', "parts: body and timestamp must be among them"),
        ("[telekom]", '[telekom]\nparts = ["body", "timestamp", "head"]', "body, timestamp, token"),
        ("[telekom]", '[telekom]\nsignature_algorithms = ["rsa-sha1"]', "rsa-sha256, rsa-sha384, rsa-sha512"),
        ("[telekom]", "[telekom]\nsignature_algorithms = []", "signature_algorithms: there is none"),
        ("Body/*/M2MApiKey", "//M2MApiKey", "api_key_path: it must be a path of element names"),
        ("[links.depot-sim]", '[links.b]\nsite = "b"\npartner = "telekom"\nenvironment = "ta"\n'
         'identifiers = ["8949020000001234567"]\n[links.depot-sim]', "has the same identifier"),
    ],
)  # fmt: skip
def test_what_stops_the_start(folder: Path, old: str, new: str, named: str) -> None:
    assert named in refused(folder, old, new)


def test_it_is_among_the_partners(folder: Path) -> None:
    parts = Parts(Unused(), FileTables(folder, None), folder)
    paths = {route.path for each in prepare(links_file(folder)) for route in each.routes(parts)}
    assert {"/telekom/ta/m2madmcl", "/telekom/ta/m2mmoncl"} <= paths
    assert "/telekom/pe/m2madmcl" not in paths


class Unused:
    """A journal that nothing comes to."""

    def record(self, events: Sequence[PathEvent]) -> bool:
        raise AssertionError(events)


PRODUCTION = """
[telekom.pe]
sign_certificate_file = "{name}.pem"
sign_key_file = "{name}.key"
sign_key_passphrase_file = "own.passphrase"
telekom_sign_certificate_file = "telekom.pem"
"""


def test_one_key_may_not_sign_in_both_environments(folder: Path) -> None:
    more = PRODUCTION.format(name="own")
    assert refused(folder, "[telekom.ta]", f"{more}\n[telekom.ta]").endswith(
        "[telekom.pe]: sign_certificate_file: [telekom.ta] has the same private key"
    )


def test_one_key_may_not_sign_and_be_a_tls_key(folder: Path) -> None:
    """Also of a host that serves other partners; and neither a chain behind the certificate hides it."""
    own = (folder / "own.pem").read_bytes()
    host_files(folder, "other.example.org")
    (folder / "other.example.org.pem").write_bytes(own + (folder / "other.example.org.pem").read_bytes())
    host = '[hosts."other.example.org"]\ncertificate_file = "other.example.org.pem"\n'
    host += 'key_file = "other.example.org.key"\nserves = ["m2u"]\n\n[telekom.ta]'
    assert refused(folder, "[telekom.ta]", host).endswith(
        '[telekom.ta]: sign_certificate_file: [hosts."other.example.org"] has the same private key'
    )


def test_the_other_environment_may_be_on_another_machine(folder: Path) -> None:
    """The control: its files are not here, or it has a key of its own."""
    text = (folder / "links.toml").read_text()
    (folder / "links.toml").write_text(text + PRODUCTION.format(name="elsewhere"))
    assert read_telekom_part(links_file(folder)).agreed
    (folder / "elsewhere.pem").write_bytes(pem([party(2).certificate]))
    assert read_telekom_part(links_file(folder)).agreed


def test_telekoms_certificate_is_not_ours(folder: Path) -> None:
    sentence = refused(folder, '= "telekom.pem"', '= "own.pem"')
    assert sentence.endswith("[telekom.ta]: telekom_sign_certificate_file: it is your own certificate")


def test_a_passphrase_that_others_may_read_stops_the_start(folder: Path) -> None:
    (folder / "own.passphrase").chmod(0o644)
    with pytest.raises(SettingsInvalid, match="other users"):
        read_telekom_part(links_file(folder))


@pytest.mark.parametrize("name", ["own.key", "telekom.pem", "ack.xml"])
def test_a_file_that_cannot_be_used_stops_the_start(folder: Path, name: str) -> None:
    (folder / name).write_text("nothing of use")
    with pytest.raises(EngageError) as error:
        read_telekom_part(links_file(folder))
    assert name in error.value.sentence


def test_a_whole_message_is_no_template(folder: Path) -> None:
    (folder / "ack.xml").write_text('<a:Envelope xmlns:a="http://schemas.xmlsoap.org/soap/envelope/"/>')
    with pytest.raises(SettingsInvalid, match="whole SOAP message"):
        read_telekom_part(links_file(folder))


def test_the_example_says_that_it_is_one_and_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "ack.xml").write_text(EXAMPLE)
    assert "AN EXAMPLE, NOT TELEKOM'S SCHEMA" in EXAMPLE
    read_acknowledgement(tmp_path / "ack.xml")


def test_a_host_that_does_not_serve_it_needs_neither_keys_nor_the_extra(folder: Path) -> None:
    text = LINKS.format(telekom_port=2).replace('serves = ["telekom-ta"]', 'serves = ["m2u"]')
    (folder / "links.toml").write_text(text.partition("[telekom]")[0])
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from engage_server.links.registry.links_file import read_links_file\n"
        "from engage_server.links.telekom.ingress_part import read_telekom_part\n"
        "assert read_telekom_part(read_links_file(Path(sys.argv[1]), '127.0.0.1', 443)).routes(None) == ()\n"
        "assert not {'lxml', 'signxml', 'zeep'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder / "links.toml")], check=True)


def test_of_a_chain_the_certificates_of_cas_sign_no_messages(folder: Path) -> None:
    built, own = good_chain(), (folder / "telekom.pem").read_bytes()
    (folder / "telekom.pem").write_bytes(own + pem([*built.chain.intermediates, built.chain.root]))
    (agreed,) = read_telekom_part(links_file(folder)).agreed
    assert pem(agreed.trust.certificates) == own
    (folder / "telekom.pem").write_bytes(own + pem([built.chain.server]))
    (agreed,) = read_telekom_part(links_file(folder)).agreed
    assert len(agreed.trust.certificates) == 2, "while a new one replaces an old one"
    (folder / "telekom.pem").write_bytes(pem([*built.chain.intermediates, built.chain.root]))
    with pytest.raises(SettingsInvalid, match="certificates of CAs alone"):
        read_telekom_part(links_file(folder))


def test_an_ingress_without_the_extra_says_what_to_install(folder: Path) -> None:
    (folder / "data").mkdir()
    host_files(folder, "links.example.org")
    (done,) = run_without(["lxml"], [], folder, ("serve", "links"))
    assert done.status == 3
    assert "next: pip install 'engage-server[telekom] @ PATH_OR_URL_OF_THE_REPOSITORY'" in done.err
