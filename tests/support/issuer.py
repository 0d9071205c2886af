"""A local issuer of tokens, with real keys."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import OKPAlgorithm

from tests.support.http_server import HttpServer, Quiet

# Functions that make a key of each kind. The last is a newer name of the first (RFC 9864).
MAKERS = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}
# PyJWT does not know the newer name; an issuer may.
_signer = jwt.PyJWS()
_signer.register_algorithm("Ed25519", OKPAlgorithm())


class Issuer(HttpServer):
    """Publishes its public keys, and can be down, slow, or return nonsense.

    Attributes:
        respond: if set, writes the response with the handler that it gets; the keys are its second argument.
        received: the path and the headers of the last request.
    """

    def __init__(self):
        self.private, self.public = {}, {}
        self.requests, self.down, self.body = 0, False, None
        self.respond, self.received = None, None
        self.responding = threading.Event()
        self.responding.set()
        issuer = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                issuer.received = self.path, dict(self.headers)
                status = 503 if issuer.down else 200
                body = issuer.body or json.dumps({"keys": list(issuer.public.values())}).encode()
                issuer.responding.wait(10)
                if issuer.respond:
                    issuer.respond(self, body)
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                with contextlib.suppress(OSError):  # The client may not wait for the response.
                    super().handle()

        self.handler = Handler

    def add_key(self, key_id, algorithm, private=None, **fields):
        """Make a key and publish it with the others."""
        private = private or MAKERS[algorithm]()
        self.private[key_id] = (private, algorithm)
        public = _signer.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
        self.public[key_id] = {**public, "kid": key_id, **fields}

    def token(self, key_id, user_id, **claims):
        """Sign a token with a key, published or not."""
        private, algorithm = self.private[key_id]
        claims = {"sub": user_id, "exp": int(time.time()) + 3600, **claims}
        return _signer.encode(json.dumps(claims).encode(), private, algorithm, headers={"kid": key_id, "typ": "JWT"})

    def __exit__(self, *arguments):
        self.responding.set()
        super().__exit__(*arguments)
