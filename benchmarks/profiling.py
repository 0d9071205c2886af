"""Where the processor's time of a request goes: taskapp, called as gunicorn calls it, but without gunicorn."""

import cProfile
import json
import pstats
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from benchmarks.compare import Field
from benchmarks.databases import READER, make_token, user_name
from benchmarks.services import SECRET
from config import ROOT, Settings
from taskapp import create_app
from tests.support.urls import text_url

REQUESTS = 1000
USERS = 100
PYTHON = "Python's library"
BENCHMARK = "the benchmark"
_BODIES = {
    "create": ("POST", {"title": "A task", "description": "What it is about"}),
    "update": ("PUT", {"title": "Another title"}),
}


def measure_profile(field: Field) -> dict[str, Any]:
    """Return, for each operation, the microseconds of a request and the share of each package in them."""
    database = field.databases["taskapp"]
    app = create_app(Settings().load({"DATABASE_URL": text_url(database.url), "JWT_SECRET": SECRET}))
    found = {}
    for operation in ("get", "list", "create", "update", "complete"):
        runs = [[_environ(operation, number) for number in range(REQUESTS)] for _ in range(5)]
        _call(app, runs[0])  # Every token is known then, and every statement written out.
        cpu = min(_microseconds(app, environs) for environs in runs[1:4])
        profile = cProfile.Profile()
        profile.runcall(_call, app, runs[4])
        found[operation] = {"cpu": cpu, "shares": shares(pstats.Stats(profile))}
    database.reset()
    return found


def _environ(operation: str, number: int) -> dict[str, Any]:
    user = READER if operation == "list" else user_name(number % USERS + 1)
    method, body = _BODIES.get(operation, ("PATCH" if operation == "complete" else "GET", None))
    # Tasks are made in turn: the users are as many as the field has, and the first of each comes first.
    path = f"/api/{user}/tasks"
    path += "" if operation in {"list", "create"} else f"/{number % USERS + 1}"
    path += "/complete" if operation == "complete" else ""
    headers = {"Authorization": f"Bearer {make_token(user)}"}
    data = None if body is None else json.dumps(body)
    return create_environ(path, method=method, headers=headers, data=data, content_type=data and "application/json")


def _call(app: Flask, environs: Iterable[dict[str, Any]]) -> None:
    statuses: list[str] = []

    def start_response(status: str, *_: Any) -> None:
        statuses.append(status)

    for environ in environs:
        answer = app(environ, start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined] # werkzeug's iterators have it.
    if not all(status.startswith("2") for status in statuses):
        raise AssertionError(f"requests fail: {set(statuses)}")


def _microseconds(app: Flask, environs: list[dict[str, Any]]) -> float:
    before = time.thread_time()
    _call(app, environs)
    return (time.thread_time() - before) / len(environs) * 1e6


def package_of(file: str, function: str) -> str | None:
    """Return the package that a function of a profile belongs to; None for a builtin, which is its caller's."""
    if "psycopg2" in function or "/psycopg2/" in file:
        return "psycopg2"
    if file == "~":
        return None
    if "/site-packages/" in file:
        return file.partition("/site-packages/")[2].partition("/")[0]
    if file.startswith(f"{ROOT}/benchmarks"):
        return BENCHMARK
    return "taskapp" if file.startswith(f"{ROOT}/taskapp") else PYTHON


def shares(stats: pstats.Stats) -> dict[str, float]:
    """Return the share of each package in the time of a profile, the wait for the database left out; largest first."""
    seconds: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if "'poll' of 'select.poll'" in function:
            continue
        package = package_of(file, function)
        if package:
            seconds[package] += own
        else:
            for (caller_file, _, caller), (_, _, share, _) in callers.items():
                seconds[package_of(caller_file, caller) or PYTHON] += share
    seconds.pop(BENCHMARK, None)
    whole = sum(seconds.values())
    return {package: value / whole for package, value in seconds.most_common()}


def table(profile: dict[str, Any], titles: dict[str, str]) -> tuple[str, Iterable[Iterable[Any]]]:
    """Return the head and the rows of a table of a profile: those packages that have a share that can be seen."""
    packages = [name for name, share in next(iter(profile.values()))["shares"].items() if share >= 0.01]
    head = "µs of a request | in all | " + " | ".join(packages)
    rows = []
    for operation, found in profile.items():
        cells = [f"{found['cpu'] * found['shares'].get(name, 0):.0f}" for name in packages]
        rows.append([titles[operation], f"{found['cpu']:.0f}", *cells])
    return head, rows
