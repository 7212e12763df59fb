"""The exchange sheet of sections 2.1 and 2.2: what you give Telekom (1 to 9), and what Telekom gives you (A to K)."""

from dataclasses import dataclass
from enum import StrEnum

from engage_server.links.telekom.certificates.profiles import Environment


class Kind(StrEnum):
    """What an item is."""

    CERTIFICATE = "certificate"
    URL = "url"
    SECRET = "secret"  # noqa: S105  # the kind, not a secret


class Giver(StrEnum):
    """Who gives an item to the other."""

    YOU = "you"
    TELEKOM = "Telekom"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the sheet.

    Attributes:
        sign: Its digit or letter. There is no I.
        what: What it is.
        kind: Its kind.
        giver: Who gives it.
        environment: Where it is used; None for the one item that both share.
        key: Its key in ``links.toml``, in the table of its environment.
    """

    sign: str
    what: str
    kind: Kind
    giver: Giver
    environment: Environment | None
    key: str

    @property
    def table(self) -> str:
        """Its table in ``links.toml``."""
        return "telekom" if self.environment is None else f"telekom.{self.environment}"


def _items() -> list[Item]:
    ta, pe, you, telekom = Environment.TEST, Environment.PRODUCTION, Giver.YOU, Giver.TELEKOM
    certificate, url, secret = Kind.CERTIFICATE, Kind.URL, Kind.SECRET
    return [
        Item("1", "signature certificate, TA", certificate, you, ta, "sign_certificate_file"),
        Item("2", "TLS server certificate, TA", certificate, you, ta, "ssl_certificate_file"),
        Item("3", "signature certificate, PE", certificate, you, pe, "sign_certificate_file"),
        Item("4", "TLS server certificate, PE", certificate, you, pe, "ssl_certificate_file"),
        Item("5", "URL of M2MAdmCl, TA", url, you, ta, "m2madmcl_url"),
        Item("6", "URL of M2MMonCl, TA", url, you, ta, "m2mmoncl_url"),
        Item("7", "URL of M2MAdmCl, PE", url, you, pe, "m2madmcl_url"),
        Item("8", "URL of M2MMonCl, PE", url, you, pe, "m2mmoncl_url"),
        Item("9", "M2MApiKey, PE", secret, you, pe, "api_key_file"),
        Item("A", "TLS server certificate, TA", certificate, telekom, ta, "telekom_ssl_certificate_file"),
        Item("B", "signature certificate, TA", certificate, telekom, ta, "telekom_sign_certificate_file"),
        Item("C", "TLS server certificate, PE", certificate, telekom, pe, "telekom_ssl_certificate_file"),
        Item("D", "signature certificate, PE", certificate, telekom, pe, "telekom_sign_certificate_file"),
        Item("E", "URL of M2MAdm, TA", url, telekom, ta, "m2madm_url"),
        Item("F", "URL of M2MMon, TA", url, telekom, ta, "m2mmon_url"),
        Item("G", "URL of M2MAdm, PE", url, telekom, pe, "m2madm_url"),
        Item("H", "URL of M2MMon, PE", url, telekom, pe, "m2mmon_url"),
        Item("J", "M2MApiKey, TA", secret, telekom, ta, "api_key_file"),
        Item("K", "SOA-BP sender ID", secret, telekom, None, "sender_id_file"),
    ]


ITEMS = {item.sign: item for item in _items()}
OWN = "1234"  # signs of your certificates, in the order of their profiles
THEIRS = "ABCD"  # signs of Telekom's certificates
