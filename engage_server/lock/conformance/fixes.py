"""How to fix a host that fails a row, where the check itself knows nothing more exact."""

_LENGTH = "Answer with one header that is named exactly Content-Length, and with that many bytes."
_TLS = "Allow this in the TLS settings of the host. Devices with old firmware may know nothing newer."
_CHAIN = "Send the server certificate and every intermediate, up to the distributed certificate."
_SMALL_KEYS = "Make the chain again with RSA keys of 2048 bits: engage chain build."

FIXES = {
    "notice.status": "Answer 200 with the notice at exactly this address.",
    "notice.version": "Answer with HTTP/1.1.",
    "notice.version_to_1_0": "Answer with HTTP/1.1, whatever version the request has.",
    "notice.length": _LENGTH,
    "notice.type": "Send Content-Type: application/json.",
    "notice.form": 'Write {"cert_url":"...","hash":"..."} in this order, without a space. In Python: '
    'json.dumps(..., separators=(",", ":")).',
    "notice.url": "Name the DER by http:// and at most 256 characters.",
    "notice.hash": "Send Base64(HMAC-SHA1(site key, DER)): engage hash prints it.",
    "notice.any_query": "Do not read the query, or ignore what cannot be read.",
    "notice.any_authorization": "Ignore the header Authorization here. Devices send none, or any.",
    "notice.slow_device": "Wait longer for a request. A device may take seconds for it.",
    "der.status": "Answer 200 with the DER at the address in cert_url.",
    "der.type": "Send Content-Type: application/octet-stream.",
    "der.length": _LENGTH,
    "der.plain": "Switch compression off for this address.",
    "der.form": "Send the DER of one certificate: openssl x509 -outform der.",
    "der.hash": "Make the hash again from exactly the bytes that are downloaded: engage hash.",
    "der.key": _SMALL_KEYS,
    "http.small_head": "Send fewer headers.",
    "http.unknown_path": "Answer 401 or 404.",
    "tls.1_2": _TLS,
    "tls.1_3": "Allow TLS 1.3. Newer gateways use it.",
    "tls.rsa_key_exchange": "Allow AES128-SHA and AES256-SHA in the cipher list. In Python: "
    'context.set_ciphers("DEFAULT:AES128-SHA:AES256-SHA").',
    "tls.sends_all": _CHAIN,
    "tls.leads_to_anchor": _CHAIN,
    "tls.without_server_name": "Present the same chain if the client sends no server name.",
    "tls.tolerates_clock": "Let certificates begin some days in the past.",
    "tls.fits": "Make names shorter, and leave out extensions: engage chain check says what costs most.",
    "tls.keys": _SMALL_KEYS,
    "tls.name": "Put the name or the address that devices call into the SAN of the server certificate.",
    "tls.answers": "Answer the notice by TLS as by plain HTTP.",
    "tls.keeps_alive": "Answer a second request on the connection, or send Connection: close.",
    "tls.bears_vanishing": "Give each handshake a time limit, and its own thread or no thread.",
}
