"""Distinguished names. An attribute in all three certificates is stored six times, so names are kept short."""

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.errors import UsageError
from engage_server.records import Host

MAX_COMMON_NAME_CHARACTERS = 64  # RFC 5280 appendix A.1, ub-common-name
MAX_ORGANIZATION_CHARACTERS = 64  # RFC 5280 appendix A.1, ub-organization-name


def subject(common_name: str, organization: str = "") -> x509.Name:
    """Create a name: O, if given, then CN.

    Raises:
        UsageError: An attribute is empty or longer than RFC 5280 allows.
    """
    attributes = []
    if organization:
        _assert_length(organization, "organization", MAX_ORGANIZATION_CHARACTERS)
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    _assert_length(common_name, "common name", MAX_COMMON_NAME_CHARACTERS)
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def common_name_of(hosts: tuple[Host, ...]) -> str:
    """The server certificate's common name: the first host, for tools that still read the common name.

    Raises:
        UsageError: The first host is longer than a common name may be.
    """
    first = hosts[0].text
    if len(first) > MAX_COMMON_NAME_CHARACTERS:
        raise UsageError(
            f"host {first} has {len(first)} characters; a common name may have {MAX_COMMON_NAME_CHARACTERS}",
            "Give a shorter host or an address as the first --host. The long one can follow.",
            code="host.too_long",
        )
    return first


def display_name(name: x509.Name) -> str:
    """The name for people: the common name, else the whole name as in RFC 4514, else ``(no name)``."""
    for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME):
        return str(attribute.value)
    return name.rfc4514_string() or "(no name)"


def comparable(name: x509.Name) -> tuple[frozenset[tuple[str, str | bytes]], ...]:
    """A form of the name that is equal for names that RFC 5280 section 7.1 (and OpenSSL) treat as equal.

    Case, string type and repeated spaces are ignored. Devices may compare bytes; a check reports such differences.
    """
    return tuple(frozenset((each.oid.dotted_string, _folded(each.value)) for each in rdn) for rdn in name.rdns)


def _folded(value: str | bytes) -> str | bytes:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


def _assert_length(text: str, what: str, limit: int) -> None:
    if not text.strip() or not text.isprintable():
        raise UsageError(f"the {what} is empty or contains control characters", f"Use plain text for the {what}.")
    if len(text) > limit:
        raise UsageError(
            f"the {what} has {len(text)} characters; RFC 5280 allows {limit}",
            "Shorten it. Each byte is stored in up to six names.",
        )
