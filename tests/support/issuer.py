"""A local issuer of tokens, with real keys."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import OKPAlgorithm

# How a key of each kind is made. The last is a newer name of the first (RFC 9864).
MAKERS = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}
# PyJWT does not know the newer name; an issuer may.
_signer = jwt.PyJWS()
_signer.register_algorithm("Ed25519", OKPAlgorithm())


class Issuer:
    """Publishes its public keys, and can be down, slow, or talk nonsense."""

    def __init__(self):
        self.private, self.public = {}, {}
        self.requests, self.down, self.body = 0, False, None
        self.answering = threading.Event()
        self.answering.set()

    def add_key(self, key_id, algorithm, private=None, **fields):
        """Make a key and publish it beside the others."""
        private = private or MAKERS[algorithm]()
        self.private[key_id] = (private, algorithm)
        public = _signer.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
        self.public[key_id] = {**public, "kid": key_id, **fields}

    def token(self, key_id, user_id, **claims):
        """Sign a token with a key, published or not."""
        private, algorithm = self.private[key_id]
        claims = {"sub": user_id, "exp": int(time.time()) + 3600, **claims}
        return _signer.encode(json.dumps(claims).encode(), private, algorithm, headers={"kid": key_id, "typ": "JWT"})

    def __enter__(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                status = 503 if issuer.down else 200
                body = issuer.body or json.dumps({"keys": list(issuer.public.values())}).encode()
                issuer.answering.wait(10)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                with contextlib.suppress(OSError):  # Who asked did not wait.
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"
        return self

    def __exit__(self, *_):
        self.answering.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
