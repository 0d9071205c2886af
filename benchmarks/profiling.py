"""The CPU time of a request by package. Calls the WSGI application of taskapp directly, without gunicorn."""

import cProfile
import json
import pstats
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from benchmarks.compare import Testbed
from benchmarks.contract import CHANGES, TASK
from benchmarks.databases import READER, make_token, user_name
from benchmarks.services import SECRET
from config import ROOT, Settings
from taskapp import create_app
from tests.support.urls import text_url

REQUESTS = 1000
USERS = 100
PYTHON = "standard library"
BENCHMARK = "the benchmark"
_BODIES = {"create": ("POST", TASK), "update": ("PUT", CHANGES)}


def measure_profile(testbed: Testbed) -> dict[str, Any]:
    """Return the microseconds per request and the share of each package, by operation."""
    database = testbed.databases["taskapp"]
    app = create_app(Settings().load({"DATABASE_URL": text_url(database.url), "JWT_SECRET": SECRET}))
    found = {}
    for operation in ("get", "list", "create", "update", "complete"):
        runs = [[_environ(operation, number) for number in range(REQUESTS)] for _ in range(5)]
        _call(app, runs[0])  # Fill the caches of tokens and compiled statements.
        cpu = min(_microseconds(app, environs) for environs in runs[1:4])
        profile = cProfile.Profile()
        profile.runcall(_call, app, runs[4])
        found[operation] = {"cpu": cpu, "shares": shares(pstats.Stats(profile))}
    database.reset()
    return found


def _environ(operation: str, number: int) -> dict[str, Any]:
    user = READER if operation == "list" else user_name(number % USERS + 1)
    method, body = _BODIES.get(operation, ("PATCH" if operation == "complete" else "GET", None))
    # The first task of each user: users created their tasks in turn.
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
        response = app(environ, start_response)
        b"".join(response)
        response.close()  # type: ignore[attr-defined] # Iterators of werkzeug have it.
    if not all(status.startswith("2") for status in statuses):
        raise AssertionError(f"requests failed: {set(statuses)}")


def _microseconds(app: Flask, environs: list[dict[str, Any]]) -> float:
    before = time.thread_time()
    _call(app, environs)
    return (time.thread_time() - before) / len(environs) * 1e6


def package_of(file: str, function: str) -> str | None:
    """Return the package of a function in a profile, or None for a builtin, whose time counts for its caller."""
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
    """Return the share of each package in a profile without waits for the database, largest first."""
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
    """Return the header and the rows of a table of a profile. Packages below 1 % are omitted."""
    packages = [name for name, share in next(iter(profile.values()))["shares"].items() if share >= 0.01]
    head = "µs per request | total | " + " | ".join(packages)
    rows = []
    for operation, found in profile.items():
        cells = [f"{found['cpu'] * found['shares'].get(name, 0):.0f}" for name in packages]
        rows.append([titles[operation], f"{found['cpu']:.0f}", *cells])
    return head, rows
