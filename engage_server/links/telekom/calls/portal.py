"""The portal, as we call it: what was agreed for one environment, one call, and its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from engage_server.errors import NotPossible, Refused, SettingsInvalid, UpstreamSilent
from engage_server.files import read_file
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.links.telekom.calls.placing import put_into_header, with_secret
from engage_server.links.telekom.calls.wsdl import Wsdl
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.message_files import signer_of, trust_of
from engage_server.links.telekom.messages.names import SOAP
from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.signing import Signer, sign_envelope
from engage_server.links.telekom.messages.verifying import Trust, Verified, verify
from engage_server.links.telekom.messages.xml_text import read_xml
from engage_server.links.telekom.settings import read_telekom_table
from engage_server.records import Secret, Upstream
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest
from engage_server.shown_text import shown_text

Service = Literal["m2madm", "m2mmon"]

_MOST_BYTES = 1 << 20
_SECONDS = 60.0
_SHOWN = 300
_FAULT = f"{{{SOAP}}}Fault"
_NONE = Secret(b"")


@dataclass(frozen=True, slots=True)
class Portal:
    """What a call needs.

    Attributes:
        url: The service's.
        signer: What we sign with.
        trust: What its answers must be signed with.
        trust_pem: Whom TLS trusts; "" for the CAs that this machine trusts.
        api_key, api_key_path: The M2MApiKey and where it stands. An empty secret is not sent.
        sender_id, sender_id_path: The same for the sender ID.
    """

    url: str
    signer: Signer
    trust: Trust
    trust_pem: str
    api_key: Secret
    api_key_path: str
    sender_id: Secret
    sender_id_path: str


def read_portal(file: LinksFile, environment: Environment, service: Service) -> Portal:
    """Read what a call needs.

    Raises:
        SettingsInvalid: A key is missing or cannot be used.
        EngageError: A file cannot be used.
    """
    where = file.where.below("telekom")
    table = read_telekom_table(file.telekom, where)
    keys, key = table.of(environment), f"{service}_url"
    url = keys.m2madm_url if service == "m2madm" else keys.m2mmon_url
    if url is None:
        raise where.below(environment).refused(f"the key {key} is missing", f'Add a line: {key} = "https://..."')
    if not url.startswith("https://"):
        raise where.below(environment).refused("it must begin with https://", "Correct the address.", key)
    secrets = (
        ("api_key", keys.api_key_file, table.api_key_path),
        ("sender_id", table.sender_id_file, table.sender_id_path),
    )
    for name, secret_file, path in secrets:
        if secret_file is not None and path is None:
            raise where.refused(
                f"the key {name}_path is missing, so nobody knows where to put it",
                f'Add a line such as {name}_path = "Body/*/M2MApiKey", or "Header/{{namespace}}Name".',
            )
    trusted = keys.telekom_ssl_certificate_file
    return Portal(
        url,
        signer_of(table, environment, where),
        trust_of(table, environment, where),
        "" if trusted is None else read_file(trusted, limit=_MOST_BYTES).decode("ascii", "replace"),
        _NONE if keys.api_key_file is None else _read_token(keys.api_key_file),
        table.api_key_path or "",
        _NONE if table.sender_id_file is None else _read_token(table.sender_id_file),
        table.sender_id_path or "",
    )


def _read_token(file: Path) -> Secret:
    """Read a secret that becomes the text of an element.

    Raises:
        SettingsInvalid: It cannot, or others may read it.
    """
    found = read_secret_file(file)
    if not found.reveal().isascii() or not found.reveal().decode().isprintable():
        raise SettingsInvalid(f"{file}: it holds other characters than ASCII", "Write it on one line, as it was sent.")
    return found


def call(
    portal: Portal, wsdl: Wsdl, operation: str, arguments: Mapping[str, Any], now: Callable[[], datetime]
) -> Verified:
    """Call an operation, and return its verified answer.

    Args:
        portal: Whom to call.
        wsdl: The operator's WSDL.
        operation: Its operation.
        arguments: The parameters, without secrets.
        now: The clock: it is read for the call and for the answer.

    Raises:
        UsageError: The parameters do not fit.
        UpstreamSilent: There is no whole answer. The call may have arrived anyway.
        MessageRefused: The answer is not accepted.
        Refused: The portal answers with a Fault that it signed.
        NotPossible: It answers with an error that it did not sign.
    """
    content, action = _written(portal, wsdl, operation, arguments, now())
    base, _, rest = portal.url.partition("://")
    host, slash, path = rest.partition("/")
    fields = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"', "Accept": "text/xml"}
    upstream = UpstreamHost(Upstream(f"{base}://{host}", _SECONDS, portal.trust_pem), connections=1)
    try:
        answer = upstream.call(UpstreamRequest("POST", slash + path, content, fields))
    except UpstreamSilent as error:
        raise UpstreamSilent(error.sentence, "Check the address, and telekom_ssl_certificate_file.") from None
    return _accepted(answer, portal, now())


def _written(
    portal: Portal, wsdl: Wsdl, operation: str, arguments: Mapping[str, Any], at: datetime
) -> tuple[bytes, str]:
    """The signed message, and the SOAPAction."""
    secrets = ((portal.api_key_path, portal.api_key), (portal.sender_id_path, portal.sender_id))
    placed = [(path, secret.reveal().decode()) for path, secret in secrets if secret.reveal()]
    for path, text in placed:
        arguments = with_secret(arguments, path, text)
    request = wsdl.request(operation, arguments, [text for _, text in placed])
    for path, text in placed:
        put_into_header(request.envelope, path, text)
    return sign_envelope(request.envelope, portal.signer, at), request.action


def _accepted(answer: UpstreamAnswer, portal: Portal, at: datetime) -> Verified:
    try:
        found = verify(answer.body, portal.trust, at)
    except MessageRefused as refused:
        if answer.status == 200:
            raise
        said = _unsigned_fault(answer.body)
        raise NotPossible(
            f"the portal answered {answer.status}, and that answer is not accepted ({refused.code})"
            + (f"; not signed, it says: {said}" if said else ""),
            "Check what was sent, and ask the team of the API.",
            code="telekom.unsigned_answer",
        ) from None
    fault = found.body.find(_FAULT)
    if fault is not None:
        raise Refused(f"the portal refused the call: {_text_of(fault)}", "Correct the call.", code="telekom.fault")
    return found


def _unsigned_fault(content: bytes) -> str:
    """What a Fault says that anybody could have written. "" if it is none."""
    try:
        fault = next(read_xml(content).iter(_FAULT), None)
    except MessageRefused:
        return ""
    return "" if fault is None else _text_of(fault)


def _text_of(fault: etree._Element) -> str:
    return shown_text((fault.findtext("faultstring") or "nothing").strip()[:_SHOWN])
