"""The table ``[telekom]`` of ``links.toml``: what both environments share, and a table for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from engage_server.links.registry.table import Matching, Where, read_table
from engage_server.links.telekom.certificates.profiles import Environment

_STEP = r"[A-Za-z_][\w.-]*"
ElementPath = Annotated[
    str,
    Matching(
        rf"Header/\{{[^{{}}\s]+\}}{_STEP}(/{_STEP})*|Body/\*(/{_STEP})+",
        "a path of element names such as Body/*/M2MApiKey, or Header/{namespace}Name",
    ),
]


@dataclass(frozen=True, slots=True)
class EnvironmentTable:
    """``[telekom.ta]`` or ``[telekom.pe]``. Each key may be missing: what a command needs, it asks for.

    Attributes:
        sign_certificate_file, sign_key_file, sign_key_passphrase_file: What signs our messages (1 or 3).
        ssl_certificate_file, ssl_key_file, ssl_key_passphrase_file: The TLS server that Telekom calls (2 or 4).
        telekom_sign_certificate_file: What Telekom signs with (B or D).
        telekom_ssl_certificate_file: Telekom's TLS server (A or C).
        m2madm_url, m2mmon_url: Where we call Telekom (E, F or G, H).
        m2madmcl_url, m2mmoncl_url: Where Telekom calls us (5, 6 or 7, 8).
        api_key_file: The M2MApiKey (J or 9).
    """

    sign_certificate_file: Path | None = None
    sign_key_file: Path | None = None
    sign_key_passphrase_file: Path | None = None
    ssl_certificate_file: Path | None = None
    ssl_key_file: Path | None = None
    ssl_key_passphrase_file: Path | None = None
    telekom_sign_certificate_file: Path | None = None
    telekom_ssl_certificate_file: Path | None = None
    m2madm_url: str | None = None
    m2mmon_url: str | None = None
    m2madmcl_url: str | None = None
    m2mmoncl_url: str | None = None
    api_key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class TelekomTable:
    """``[telekom]``.

    Attributes:
        organisation_file: ``organisation.toml``.
        sender_id_file: The SOA-BP sender ID (K).
        ta: The test environment.
        pe: The production environment.
        wsdl_files: Telekom's WSDL files.
        acknowledgement_file: The template of the answer to a notification.
        acknowledgement_files: Other templates, by the name of the element in the notification's Body.
        parts: Which parts of a message are signed, ours and theirs. Body and timestamp always are.
        signature_algorithms: Which algorithms their signatures may use. Ours use the first.
        api_key_path: Where in a call the M2MApiKey stands. The document does not say it.
        sender_id_path: Where in a call the sender ID stands. The document does not say it either.
    """

    organisation_file: Path | None = None
    sender_id_file: Path | None = None
    ta: EnvironmentTable = field(default_factory=EnvironmentTable)
    pe: EnvironmentTable = field(default_factory=EnvironmentTable)
    wsdl_files: tuple[Path, ...] = ()
    acknowledgement_file: Path | None = None
    acknowledgement_files: Mapping[str, Path] = field(default_factory=dict)
    parts: tuple[Literal["body", "timestamp", "token"], ...] = ("body", "timestamp")
    signature_algorithms: tuple[Literal["rsa-sha256", "rsa-sha384", "rsa-sha512"], ...] = ("rsa-sha256",)
    api_key_path: ElementPath | None = None
    sender_id_path: ElementPath | None = None

    def of(self, environment: Environment) -> EnvironmentTable:
        """The table of an environment."""
        return self.ta if environment is Environment.TEST else self.pe


def read_telekom_table(table: Mapping[str, object], where: Where) -> TelekomTable:
    """Read ``[telekom]``.

    Args:
        table: As :mod:`tomllib` reads it.
        where: Where it stands.

    Raises:
        SettingsInvalid: A key is unknown, or has a wrong value.
    """
    return read_table(TelekomTable, table, where)
