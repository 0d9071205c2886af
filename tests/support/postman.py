"""Runs the Postman collection as a person does, by ``make postman``, and reads what newman tells of it."""

import json
import os
import re
import secrets
import subprocess
from contextlib import closing
from dataclasses import dataclass

from config import ROOT
from tests.support.client import Client, make_token
from tests.support.external import needs

NEWMAN = ROOT / "tests" / "support" / "tools" / "node_modules" / ".bin" / "newman"
MARKER = "taskapp-postman:"


@dataclass
class Sent:
    """A request that was sent, with what came back."""

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


class User(Client):
    """A user with a task of their own that mentions the marker, and one that a broken run of the collection left."""

    def __init__(self, server, secret, user_id):
        super().__init__(server.port, token=make_token(secret, user_id=user_id), user_id=user_id)
        self.own = self.create(title=f"about {MARKER}", description=f"{MARKER} is what its titles begin with")
        self.left = self.create(title=f"{MARKER} left behind")


@dataclass
class Run:
    """A run of the collection as a user; for a second user the collection makes tokens itself, where it can."""

    failures: list[str]
    sent: list[Sent]
    users: list[User]
    tasks: list[list]


def run_collection(server, secret, folder, identity, metrics_token=""):
    """Run it by ``make postman`` against a server, with the one variable that says who is calling."""
    needs(NEWMAN, "'make postman' installs it.")
    user_id = f"user {secrets.token_hex(6)}"
    report = folder / "report.json"
    with closing(User(server, secret, user_id)) as user, closing(User(server, secret, f"{user_id}-postman")) as second:
        settings = {"BASE_URL": f"http://127.0.0.1:{server.port}/", "USER_ID": user_id, "TOKEN": "", "JWT_SECRET": ""}
        settings["METRICS_TOKEN"] = metrics_token
        settings[identity] = {"TOKEN": user.token, "JWT_SECRET": secret}[identity]
        result = subprocess.run(
            ["make", "postman", f"ARGS=--color off --reporters cli,json --reporter-json-export '{report}'"],
            cwd=ROOT,
            # Not what this test's own make was told.
            env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": "", **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        users = [user, second]
        tasks = [user.get().data for user in users]
    assert report.exists(), result.stdout + result.stderr
    run = json.loads(report.read_text())["run"]
    failures = [f"{failure['source']['name']}: {failure['error']['message']}" for failure in run["failures"]]
    assert (result.returncode == 0) == (failures == [])
    return Run(failures, [Sent.read(execution) for execution in run["executions"]], users, tasks)
