"""What a device needs from the plain HTTP instance: the notice, and the DER at its address."""

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import quote

from engage_server.errors import CertificateInvalid
from engage_server.lock.acceptance.chain import key_bits_of
from engage_server.lock.conformance.probed_host import ProbedHost, RawAnswer
from engage_server.lock.conformance.requirement import Certainty, Requirement
from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.encodings import read_der
from engage_server.protocol import paths
from engage_server.protocol.serial_number import encode_serial
from engage_server.protocol.site_key import anchor_hash, hashes_equal

_SERIAL = encode_serial("FBEFBEFBEFBEFBEFBEFBEFBEFBEFBEFB")  # its Base64 contains + and /
_COMPACT = re.compile(rb'\{"cert_url":"[^"]*","hash":"[^"]*"\}')
_HASH_BYTES = 20
_SMALL_HEAD_BYTES = 1024
_PAUSE = 0.01


def _status(host: ProbedHost) -> str:
    return _ok(host.notice_answer)


def _ok(answer: RawAnswer) -> str:
    if answer.status != 200:
        advice = "Devices do not follow redirects. Answer at this address." if 300 <= answer.status < 400 else ""
        raise DeviceRefusal(f"the answer is {answer.status_line[:60]}", advice)
    return answer.status_line


def _version(host: ProbedHost) -> str:
    line = host.notice_answer.status_line
    if not line.startswith("HTTP/1.1 "):
        raise DeviceRefusal(f"the status line starts with {line[:8]}", "Answer with HTTP/1.1.")
    return line


def _version_to_1_0(host: ProbedHost) -> str:
    line = host.ask(host.request(version="1.0")).status_line
    if not line.startswith("HTTP/1.1 "):
        raise DeviceRefusal(f"a request with HTTP/1.0 is answered with {line[:8]}")
    return line


def _length(host: ProbedHost) -> str:
    return _exact_length(host.notice_answer)


def _exact_length(answer: RawAnswer) -> str:
    if answer.header("Transfer-Encoding"):
        raise DeviceRefusal("the answer is chunked (Transfer-Encoding)", "Answer with a Content-Length.")
    spelled = [(name, value) for name, value in answer.headers if name.lower() == "content-length"]
    if [name for name, _ in spelled] != ["Content-Length"]:
        found = ", ".join(name for name, _ in spelled) or "no such header"
        raise DeviceRefusal(
            f"devices need one header named exactly Content-Length; the answer has {found}",
            "Do not use HTTP/2 or a proxy that writes header names in lower case.",
        )
    if spelled[0][1] != str(len(answer.body)):
        raise DeviceRefusal(f"Content-Length is {spelled[0][1][:20]}, but {len(answer.body)} bytes arrived")
    return f"Content-Length: {spelled[0][1]}"


def _small_head(host: ProbedHost) -> str:
    size = max(host.notice_answer.head_bytes, host.der_answer.head_bytes)
    if size > _SMALL_HEAD_BYTES:
        raise DeviceRefusal(
            f"a header block has {size} bytes; it should have at most {_SMALL_HEAD_BYTES}", "Send fewer headers."
        )
    return f"{size} bytes"


def _notice_type(host: ProbedHost) -> str:
    return _of_type(host.notice_answer, "application/json")


def _of_type(answer: RawAnswer, wanted: str) -> str:
    found = answer.header("Content-Type")
    if found.partition(";")[0].strip() != wanted:
        raise DeviceRefusal(f"its Content-Type is {found or 'missing'}", f"Send {wanted}.")
    return found


def _notice_form(host: ProbedHost) -> str:
    if not _COMPACT.fullmatch(host.notice_answer.body):
        text = host.notice_answer.body[:60].decode("utf-8", "replace")
        raise DeviceRefusal(f"it is not compact JSON with only cert_url and hash, in this order: {text!r}")
    return f"{len(host.notice_answer.body)} bytes"


def _notice_url(host: ProbedHost) -> str:
    url = host.notice["cert_url"]
    if not url.startswith("http://"):
        raise DeviceRefusal(f"it is {url[:60]!r}", "A device without an anchor can only use http://.")
    if len(url) > host.limits.cert_url_characters:
        raise DeviceRefusal(f"it has {len(url)} characters; devices read {host.limits.cert_url_characters}")
    return url


def _notice_hash(host: ProbedHost) -> str:
    text = host.notice["hash"]
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _HASH_BYTES:
        raise DeviceRefusal(
            f"{text[:60]!r} is not Base64 of {_HASH_BYTES} bytes", "It may be hexadecimal or another kind of hash."
        )
    return text


def _queries() -> Iterator[str]:
    spelled = [_SERIAL, quote(_SERIAL, safe=""), _SERIAL.replace("+", "-").replace("/", "_").rstrip("=")]
    yield from (f"serialNumber={text}&hashType=primary&v=2" for text in spelled)
    yield from ("serialNumber=%ZZ", "serialNumber=x&serialNumber=y", "hashType=secondary", "v=99&x=1", "&&=", "%")


def _any_query(host: ProbedHost) -> str:
    queries = list(_queries())
    for query in queries:
        answer = host.ask(host.request(f"{paths.NOTICE}?{query}"))
        if answer.status != 200:
            raise DeviceRefusal(f"the answer to the query {query} is {answer.status_line[:60]}")
    return f"{len(queries)} queries, known and unknown"


def _any_authorization(host: ProbedHost) -> str:
    return _ok(host.ask(host.request(more="Authorization: Device bm90IGEgdG9rZW4=\r\n")))


def _slow_device(host: ProbedHost) -> str:
    _ok(host.ask(host.request(), pause=_PAUSE))
    return f"answered with {_PAUSE * 1000:g} ms between bytes"


def _der_status(host: ProbedHost) -> str:
    return _ok(host.der_answer)


def _der_type(host: ProbedHost) -> str:
    return _of_type(host.der_answer, "application/octet-stream")


def _der_length(host: ProbedHost) -> str:
    return _exact_length(host.der_answer)


def _der_plain(host: ProbedHost) -> str:
    answer = host.ask_for_der("Accept-Encoding: gzip, br, deflate\r\n")
    if answer.header("Content-Encoding") or answer.body != host.der_answer.body:
        raise DeviceRefusal("a request with Accept-Encoding gets other bytes", "Send the bytes uncompressed.")
    return "the same bytes with and without Accept-Encoding"


def _der_form(host: ProbedHost) -> str:
    try:
        read_der(host.der_answer.body, source="the download")
    except CertificateInvalid as error:
        raise DeviceRefusal(error.sentence, error.next_step) from None
    return f"{len(host.der_answer.body)} bytes"


def _der_hash(host: ProbedHost) -> str:
    if not hashes_equal(anchor_hash(host.key, host.der_answer.body), host.notice["hash"]):
        raise DeviceRefusal(
            "it is not HMAC-SHA1(site key, the downloaded bytes)",
            "The site key is wrong, or the hash is of another file, of the PEM, or made with the key as text.",
        )
    return "it matches"


def _der_key(host: ProbedHost) -> str:
    bits = key_bits_of(host.anchor)
    if bits > host.limits.rsa_key_bits:
        raise DeviceRefusal(f"its key has {bits} bits; devices accept at most {host.limits.rsa_key_bits}")
    return f"RSA-{bits}"


def _unknown_path(host: ProbedHost) -> str:
    answer = host.ask(host.request("/no/such/thing"))
    if answer.status not in (401, 404):
        raise DeviceRefusal(
            f"an unknown path is answered with {answer.status_line[:60]}",
            "Answer 401 or 404. Some gateways stop permanently after 403.",
        )
    return answer.status_line


_V, _F, _A = Certainty.VENDOR, Certainty.FIELD, Certainty.ASSUMED

HTTP_REQUIREMENTS = (
    Requirement("notice.status", "The notice is answered with 200, no redirect", _V, _status),
    Requirement("notice.version", "The status line says HTTP/1.1", _V, _version),
    Requirement("notice.version_to_1_0", "The same in the answer to an HTTP/1.0 request", _A, _version_to_1_0),
    Requirement("notice.length", "Exactly one Content-Length, correct, not chunked", _V, _length),
    Requirement("notice.type", "The notice is application/json", _V, _notice_type),
    Requirement("notice.form", "The notice is compact: only cert_url, then hash", _V, _notice_form),
    Requirement("notice.url", "cert_url is http://, at most 256 characters", _F, _notice_url),
    Requirement("notice.hash", "hash is the Base64 of 20 bytes", _V, _notice_hash),
    Requirement("notice.any_query", "Any query is accepted", _A, _any_query),
    Requirement("notice.any_authorization", "Any Authorization header is accepted", _A, _any_authorization),
    Requirement("notice.slow_device", "A device that sends slowly is answered", _F, _slow_device),
    Requirement("der.status", "The DER is answered with 200, no redirect", _F, _der_status),
    Requirement("der.type", "The DER is application/octet-stream", _F, _der_type),
    Requirement("der.length", "Exactly one Content-Length, correct, not chunked", _V, _der_length),
    Requirement("der.plain", "The DER is never compressed", _F, _der_plain),
    Requirement("der.form", "The DER is one certificate, not PEM", _V, _der_form),
    Requirement("der.hash", "The hash matches the DER and the site key", _V, _der_hash),
    Requirement("der.key", "The key in the DER is RSA with at most 2048 bits", _V, _der_key),
    Requirement("http.small_head", "Header blocks are small", _V, _small_head),
    Requirement("http.unknown_path", "Any other path gets 401 or 404, not 403", _F, _unknown_path),
)
