"""Telekom's document as a judge: its four configurations for ``openssl req``, written from the document's facts."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from engage_server.links.telekom.certificates.organisation import EndpointHost, Organisation
from tests.support.strategies import names

SAMPLE = Organisation(
    short_name="SampleOrg",
    country="DE",
    state="North-Rhine-Westfalia",
    locality="Bonn",
    organization="Sample Organization S.E.",
    email="m2m@sample.org",
    ta=EndpointHost("ta.sample.org"),
    pe=EndpointHost("m2m.sample.org"),
)
PASSPHRASE = b"the passphrase of these tests"


@dataclass(frozen=True)
class AnnexA:
    """What stands in one of the four configurations, and in no other."""

    stem: str
    unit: str
    key_usage: str
    extended: str
    comment: str


# environment and use -> what Annex A of the document says
ANNEX_A: Mapping[tuple[str, str], AnnexA] = {
    ("ta", "sign"): AnnexA(
        "1_sign_SampleOrg_TA",
        "M2M_TA",
        "digitalSignature",
        "clientAuth",
        "M2M API signature Certificate for Test and Approval (TA)",
    ),
    ("ta", "ssl"): AnnexA(
        "2_ssl_SampleOrg_TA",
        "M2M_TA",
        "digitalSignature, keyEncipherment",
        "serverAuth",
        "M2M API SSL-server Certificate for Test and Approval (TA)",
    ),
    ("pe", "sign"): AnnexA(
        "3_sign_SampleOrg_PE",
        "M2M",
        "digitalSignature",
        "clientAuth",
        "M2M API signature Certificate for Production Environment (PE)",
    ),
    ("pe", "ssl"): AnnexA(
        "4_ssl_SampleOrg_PE",
        "M2M",
        "digitalSignature, keyEncipherment",
        "serverAuth",
        "M2M API SSL-server Certificate for Production Environment (PE)",
    ),
}


def configuration(environment: str, use: str, organisation: Organisation = SAMPLE, san: str = "") -> str:
    """The document's configuration with an organisation's values.

    Args:
        environment: ``ta`` or ``pe``.
        use: ``sign`` or ``ssl``.
        organisation: Whose. Values that are not the document's own are put in quotes.
        san: Of a line ``subjectAltName``, which the document does not have; "" for none.
    """
    annex = ANNEX_A[environment, use]
    host = organisation.ta.host if environment == "ta" else organisation.pe.host
    lines = [
        "HOME = .",
        "RANDFILE = $ENV::HOME/.rnd",
        "[ req ]",
        "default_bits = 2048",
        f"default_keyfile = {annex.stem}-PrivateKey.pem",
        "distinguished_name = req_distinguished_name",
        "prompt = no",
        "string_mask = utf8only",
        "req_extensions = v3_req",
        "[ v3_req ]",
        "basicConstraints = CA:FALSE",
        f"keyUsage = {annex.key_usage}",
        f"extendedKeyUsage = {annex.extended}",
        f'nsComment = "{annex.comment}"',
        "subjectKeyIdentifier = hash",
        *([f"subjectAltName = {san}"] if san else []),
        "[ req_distinguished_name ]",
        f"C = {organisation.country} # country",
        f"ST = {_quoted(organisation.state)} # state",
        f"L = {_quoted(organisation.locality)} # location",
        f"O = {_quoted(organisation.organization)} # organization",
        f"OU = {annex.unit} # project name",
        f"CN = {host} # common name: your server",
        f"emailAddress = {_quoted(organisation.email)} # your contact person",
    ]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def organisation_toml(organisation: Organisation) -> str:
    """An organisation as ``organisation.toml``. Text in JSON is text in TOML, too."""
    names = ("short_name", "country", "state", "locality", "organization", "email")
    lines = [f"{name} = {json.dumps(getattr(organisation, name), ensure_ascii=False)}" for name in names]
    return "\n".join([*lines, "[ta]", f'host = "{organisation.ta.host}"', "[pe]", f'host = "{organisation.pe.host}"\n'])


def openssl_request(folder: Path, config: str, *more: str) -> bytes:
    """What ``openssl req -new`` makes of a configuration, as DER. Values are read as UTF-8."""
    (folder / "judge.cnf").write_text(config, encoding="utf-8")
    command = ["openssl", "req", "-new", "-utf8", "-config", "judge.cnf", "-outform", "DER", "-out", "judge.der", *more]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "judge.der").read_bytes()


def _printable(limit: int) -> st.SearchStrategy[str]:
    """Texts with what has a meaning in configurations, in TOML and in names."""
    awkward = st.sampled_from("äßéÅ€漢🚪\"'\\#$,=+;<>/&[]{}()%@. ")
    anything = st.characters(exclude_categories=("C", "Z"))
    return st.text(awkward | anything, min_size=1, max_size=limit).map(str.strip).filter(bool)


organisations = st.builds(
    Organisation,
    short_name=st.just("SampleOrg"),
    country=st.text("ABCXYZ", min_size=2, max_size=2),
    state=_printable(128),
    locality=_printable(128),
    organization=_printable(64) | _printable(64).map(lambda text: (text * 64)[:64].strip()),
    email=st.from_regex(r"[a-z0-9.+'$#]{1,20}@[a-z0-9-]{1,20}\.example", fullmatch=True),
    ta=names.filter(lambda text: len(text) <= 64).map(EndpointHost),
    pe=names.filter(lambda text: len(text) <= 64).map(EndpointHost),
)
