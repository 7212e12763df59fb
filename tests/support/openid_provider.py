"""An OpenID provider of the tests: with keys of their own, and with a token that a test may forge."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "engage", "a secret of the tests"
Claims = dict[str, Any]
Forge = Callable[["OwnProvider", dict[str, Any], Claims], str]


def signed(provider: "OwnProvider", header: dict[str, Any], claims: Claims) -> str:
    """The genuine token."""
    return jwt.encode(header, claims, provider.key)


class OwnProvider:
    """Serves on 127.0.0.1 until it is closed.

    Attributes:
        key, other_key: Both are published, as "first" and "second". The first one signs.
        forge: Makes the token of header and claims.
        claims: What it says about whoever signs in, beside what every token has.
        requests: The paths that were asked for.
        answers: What a path is answered with instead: status and body.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.key, self.other_key = _keys()
        self.forge: Forge = signed
        self.claims: Claims = {"sub": "248289761001", "preferred_username": "anna", "groups": ["doors"]}
        self.published = [self.key, self.other_key]
        self.requests: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorize(self, address: str) -> dict[str, str]:
        """What a person who signs in brings back: the query of the return address."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT_ID
        code = secrets.token_hex(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def document(self, path: str) -> tuple[int, bytes]:
        """The answer to a GET."""
        if path == "/.well-known/openid-configuration":
            return _json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/auth",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/jwks",
                    "authorization_response_iss_parameter_supported": True,
                }
            )
        if path == "/jwks":
            return _json({"keys": [each.as_dict(private=False) | {"use": "sig"} for each in self.published]})
        return 404, b"{}"

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, bytes]:
        """The answer of the token endpoint."""
        login = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != login:
            return _json({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return _json({"error": "invalid_grant"}, 400)
        now = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = self.forge(self, {"alg": "RS256", "kid": "first"}, claims | self.claims)
        return _json({"access_token": "unused", "token_type": "Bearer", "id_token": token})


@contextmanager
def silent_provider() -> Iterator[str]:
    """The issuer of one that accepts connections and never answers."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def query_of(returned: Mapping[str, str]) -> str:
    """As it stands in the return address."""
    return urlencode(returned)


@cache
def _keys() -> tuple[RSAKey, RSAKey]:
    return RSAKey.generate_key(2048, {"kid": "first"}), RSAKey.generate_key(2048, {"kid": "second"})


def _json(document: object, status: int = 200) -> tuple[int, bytes]:
    return status, json.dumps(document).encode()


def _handler(provider: OwnProvider) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(provider.document(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, genuine: tuple[int, bytes]) -> None:
            provider.requests.append(self.path)
            status, body = provider.answers.get(self.path, genuine)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
