"""A user of an application in this process, without a server in between."""

import secrets

from tests.support.client import make_token


class LocalUser:
    """Sends requests to an application as one user.

    Args:
        app: the application.
        secret: the secret of its tokens.
        user_id: the id of the user; a new one unless given.
    """

    def __init__(self, app, secret, user_id=None):
        self.app = app
        self.user_id = user_id or f"user-{secrets.token_hex(6)}"
        self._authorization = f"Bearer {make_token(secret, user_id=self.user_id)}"

    def send(self, method, path="", *, key=None, resource="tasks", headers=(), **options):
        """Send a request to a path below the user's tasks or another resource, if needed with an idempotency key."""
        headers = {"Authorization": self._authorization, **dict(headers), **({"Idempotency-Key": key} if key else {})}
        path = f"/api/{self.user_id}/{resource}{path}"
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def erase(self):
        """Erase all data of the user."""
        path, headers = f"/api/{self.user_id}?confirm={self.user_id}", {"Authorization": self._authorization}
        return self.app.test_client().delete(path, headers=headers)

    def read(self):
        return self.send("GET")

    def write(self, key=None, title="t"):
        return self.send("POST", key=key, json={"title": title})

    def ready(self):
        """The status of /health/ready, or its failed checks."""
        response = self.app.test_client().get("/health/ready")
        return response.json["error"]["details"] if response.status_code == 503 else response.json["status"]


def assert_refused(response, message, *, retry_after):
    """The response is the 503 of a database that refuses statements."""
    assert (response.status_code, response.json["error"]["code"]) == (503, "DATABASE_ERROR")
    assert message in response.json["error"]["message"]
    assert response.headers["Retry-After"] == retry_after
