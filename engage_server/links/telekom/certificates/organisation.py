"""``organisation.toml``: who asks for the certificates. Read strictly: an unknown key stops the command."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.errors import EngageError, SettingsInvalid
from engage_server.files import read_file
from engage_server.links.registry.table import Matching, Where, read_table
from engage_server.links.telekom.certificates.profiles import Environment, Profile
from engage_server.pki.names import MAX_COMMON_NAME_CHARACTERS, MAX_ORGANIZATION_CHARACTERS
from engage_server.records import Host

_MAX_FILE_BYTES = 1 << 16

EXAMPLE = "\n".join(
    (
        "# Who asks Telekom for certificates: for 'engage telekom csr' and 'check'.",
        "# Telekom compares these values with the registration of your company.",
        "",
        'short_name = "SampleOrg"                  # stands in file names: letters, digits and -',
        'country = "DE"                            # two letters, ISO 3166',
        'state = "North-Rhine-Westfalia"           # at most 128 characters',
        'locality = "Bonn"                         # at most 128 characters',
        'organization = "Sample Organization S.E." # as registered, at most 64 characters',
        'email = "m2m@sample.org"                  # your contact person, whom Telekom calls',
        "",
        "[ta]                                      # test and approval",
        'host = "ta.sample.org"                    # the name that Telekom calls, at most 64 characters',
        "",
        "[pe]                                      # production",
        'host = "m2m.sample.org"',
        "",
    )
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of a name: printable, and no longer than X.520 allows."""

    limit: int

    def complaint(self, value: str) -> str:
        """Say what is wrong. "" if nothing is."""
        if not value.isprintable() or value != value.strip():
            return "it must be plain text without control characters, and without spaces at its ends"
        too_long = len(value) > self.limit
        return f"it must have at most {self.limit} characters (X.520); it has {len(value)}" if too_long else ""


@dataclass(frozen=True, slots=True)
class _HostName:
    """A host that can be a common name."""

    def complaint(self, value: str) -> str:
        """Say what is wrong. "" if nothing is."""
        try:
            host = Host.parse(value)
        except EngageError:
            return "it must be a DNS name or an IP address, without scheme and port"
        return _Text(MAX_COMMON_NAME_CHARACTERS).complaint(host.text)


@dataclass(frozen=True, slots=True)
class EndpointHost:
    """The table of one environment.

    Attributes:
        host: The name that Telekom calls there, as it was written. It is the common name of both certificates.
    """

    host: Annotated[str, _HostName()]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who asks for certificates. Use :func:`read_organisation`: the constructor checks nothing.

    Attributes:
        short_name: What stands in the names of files.
        country: Two capital letters.
        state: The state or province.
        locality: The town.
        organization: The company, as it is registered.
        email: The contact person's address.
        ta: The test environment.
        pe: The production environment.
    """

    short_name: Annotated[str, Matching("[A-Za-z0-9][A-Za-z0-9-]{0,39}", "letters, digits and '-', at most 40")]
    country: Annotated[str, Matching("[A-Z]{2}", "two capital letters (ISO 3166), such as DE")]
    state: Annotated[str, _Text(128)]
    locality: Annotated[str, _Text(128)]
    organization: Annotated[str, _Text(MAX_ORGANIZATION_CHARACTERS)]
    # PKCS #9 allows 255 characters, but 'openssl req' at most 128
    email: Annotated[
        str, Matching(r"(?=.{3,128}$)[!-?A-~]+@[!-?A-~]+", "an e-mail address in ASCII, at most 128 characters")
    ]
    ta: EndpointHost
    pe: EndpointHost

    def host(self, environment: Environment) -> Host:
        """The host that Telekom calls in an environment."""
        return Host.parse((self.ta if environment is Environment.TEST else self.pe).host)

    def subject(self, profile: Profile) -> x509.Name:
        """The subject of a certificate, in the order of Annex A.

        Its string types are those of OpenSSL's ``utf8only``: the country is a PrintableString and the e-mail address
        an IA5String, as their definitions demand. All others are UTF8Strings.
        """
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
                x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, self.state),
                x509.NameAttribute(NameOID.LOCALITY_NAME, self.locality),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, profile.unit),
                x509.NameAttribute(NameOID.COMMON_NAME, self.host(profile.environment).text),
                x509.NameAttribute(NameOID.EMAIL_ADDRESS, self.email),
            ]
        )


def read_organisation(file: Path) -> Organisation:
    """Read the file.

    Raises:
        SettingsInvalid: It is not TOML, or a key is unknown, missing, too long or otherwise wrong.
        FileNotUsable: It cannot be read.
    """
    content = read_file(file, limit=_MAX_FILE_BYTES)
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"{file}: it is not TOML: {error}", "Compare it with: engage telekom csr --example"
        ) from None
    return read_table(Organisation, table, Where(file))
