"""Runs the Postman collection by ``make postman``, as a person does, and reads the report of newman."""

import json
import os
import re
import secrets
import subprocess
from dataclasses import dataclass

from config import ROOT
from tests.support.external import require

NEWMAN = ROOT / "tests" / "support" / "tools" / "node_modules" / ".bin" / "newman"
MARKER = "taskapp-postman:"


@dataclass
class Sent:
    """A request that was sent, with its response."""

    name: str
    method: str
    path: str
    parameters: set[str]
    status: str
    code: str | None
    checks: list[str]

    @classmethod
    def read(cls, execution):
        request, response = execution["request"], execution["response"]
        headers = {header["key"] for header in request["header"]}
        is_error = response["code"] >= 400 and request["method"] != "HEAD"
        return cls(
            name=execution["item"]["name"],
            method=request["method"],
            path="/" + "/".join(request["url"].get("path", [])),
            parameters=headers | {parameter["key"] for parameter in request["url"]["query"]},
            status=str(response["code"]),
            code=json.loads(bytes(response["stream"]["data"]))["error"]["code"] if is_error else None,
            checks=[check["assertion"] for check in execution.get("assertions", [])],
        )

    def is_success_of(self, method, template):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        return self.status < "400" and self.method == method and re.fullmatch(pattern, self.path) is not None


class User:
    """A user with a task of their own that mentions the marker, and one that a broken run of the collection left."""

    def __init__(self, server, user_id):
        self.client = server.client(user_id)
        self.own = self.client.create(title=f"about {MARKER}", description=f"{MARKER} is what its titles begin with")
        self.left = self.client.create(title=f"{MARKER} left behind")


@dataclass
class Run:
    """A run of the collection as a user. For a second user it makes tokens itself, if it has the secret."""

    failures: list[str]
    sent: list[Sent]
    users: list[User]
    tasks: list[list]


def run_collection(server, folder, identity, metrics_token=""):
    """Run it by ``make postman`` against a server, with TOKEN or JWT_SECRET as the identity of the user."""
    require(NEWMAN, "'make postman' installs it.")
    user_id = f"user {secrets.token_hex(6)}"
    report = folder / "report.json"
    users = [User(server, user_id), User(server, f"{user_id}-postman")]
    settings = {"BASE_URL": f"{server.url}/", "USER_ID": user_id, "METRICS_TOKEN": metrics_token}
    settings |= {"TOKEN": "", "JWT_SECRET": ""}
    settings[identity] = {"TOKEN": users[0].client.token, "JWT_SECRET": server.secret}[identity]
    result = subprocess.run(
        ["make", "postman", f"ARGS=--color off --reporters cli,json --reporter-json-export '{report}'"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    tasks = [user.client.get().data for user in users]
    assert report.exists(), result.stdout + result.stderr
    run = json.loads(report.read_text())["run"]
    failures = [f"{failure['source']['name']}: {failure['error']['message']}" for failure in run["failures"]]
    assert (result.returncode == 0) == (failures == [])
    return Run(failures, [Sent.read(execution) for execution in run["executions"]], users, tasks)
