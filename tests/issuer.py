"""An issuer of JSON Web Tokens with keys of its own, and a server on loopback that tells the public ones."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

ISSUER = "https://issuer.example/realms/test"
AUDIENCE = "builder"

MAKERS = {
    "RS": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "PS": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "ES384": lambda kid: ECKey.generate_key("P-384", {"kid": kid}),
    "ES512": lambda kid: ECKey.generate_key("P-521", {"kid": kid}),
    "Ed25519": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


class Issuer:
    """Signs claims; the key of each algorithm is made when it is first used."""

    def __init__(self, *, now: float) -> None:
        self.now = now
        self.keys: dict[str, Key] = {}

    def key(self, alg: str = "ES256") -> Key:
        kind = alg if alg in MAKERS else alg[:2]
        if kind not in self.keys:
            self.keys[kind] = MAKERS[kind](f"key-{kind}")
        return self.keys[kind]

    def rotate(self, alg: str = "ES256", kid: str = "next") -> None:
        """Sign with a new key from now on, and tell of no other."""
        self.keys = {alg: MAKERS[alg](kid)}

    def document(self, **more: Any) -> bytes:
        """Return the key set with the public keys."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys.values()], **more}).encode()

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Return the claims of a good token; those that are None are left out."""
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "1234",
            "preferred_username": "alice",
            "iat": int(self.now),
            "exp": int(self.now) + 900,
        }
        return {name: value for name, value in {**good, **claims}.items() if value is not None}

    def token(self, alg: str = "ES256", *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a signed token; ``header`` adds to the usual one, and None takes away."""
        key = self.key(alg)
        made = {"alg": alg, "kid": key.kid, **(header or {})}
        made = {name: value for name, value in made.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        registry.max_payload_length = 10_000_000
        return jwt.encode(made, self.claims(**claims), key, registry=registry)


def hmac_token(secret: bytes, claims: dict[str, Any], **header: Any) -> str:
    """Return a token signed with HS256 by whatever bytes are given, public keys included."""
    key = OctKey(secret, secret, None)
    registry = jws.JWSRegistry(algorithms=["HS256"], strict_check_header=False)
    return jwt.encode({"alg": "HS256", **header}, claims, key, registry=registry)


def encoded(value: Any) -> str:
    """Return a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class KeyServer:
    """Tells what it is told to tell, and counts how often it was asked."""

    def __init__(self) -> None:
        self.content = b""
        self.status = 200
        self.location = ""
        self.asked = 0
        self.hold = threading.Event()
        self.hold.set()
        self.url = ""


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Serve on loopback until the end of the block."""
    told = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            told.hold.wait(30)
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", str(len(told.content)))
            self.end_headers()
            self.wfile.write(told.content)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/certs"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
