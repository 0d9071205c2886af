"""The benchmarks' arithmetic and report, on made-up numbers, and the tasks that they send; nothing here is timed."""

import cProfile
import json
import pstats
import runpy

import pytest
from werkzeug.test import Client as LocalClient

from benchmarks import contract, goals, profiling, report, services
from benchmarks.settings import OPERATIONS, ROOT

RATES = {"taskapp": 4000, "fastapi": 1000, "drf": 1000, "baseline": 6000}


def measured(service, operation, rate, **others):
    return {
        "service": service,
        "operation": operation,
        "connections": 32,
        "round": 1,
        "rate": rate,
        "errors": 0,
        "p50": 2.0,
        "p95": 4.0,
        "p99": 5.0,
        "cpu": 300.0,
        "database_cpu": 100.0,
        "tasks": 10_000,
        "threads": 4,
        **others,
    }


@pytest.fixture
def results():
    """Numbers that reach every goal."""
    every = [measured(service, operation, rate) for service, rate in RATES.items() for operation in OPERATIONS]
    growth = [measured("taskapp", operation, 1, tasks=tasks) for operation in OPERATIONS for tasks in (10**4, 10**7)]
    return {
        "load": [*every, *(measured("taskapp", operation, 3000, connections=128) for operation in OPERATIONS)],
        "messages": {"taskapp": dict.fromkeys(OPERATIONS, 1.0)},
        "slow_link": [measured("taskapp", operation, 300, p95=45.0) for operation in OPERATIONS],
        "growth": {
            "tables": {"measurements": growth, "loads": [{"tasks": 10**7, "seconds": 60.0, "bytes": 10**9}]},
            "users": [measured("taskapp", "deep page", 1, page=1000, tasks=100_000)],
        },
        "memory": {"start": 60e6, "warm": 70e6, "end": 70e6, "requests": 100_000},
        "start": {"first": 3.0, "again": [1.0, 1.2, 1.4]},
        "profile": {"get": {"cpu": 400.0, "shares": {"flask": 0.75, "taskapp": 0.25}}},
    }


def short(results):
    return [goal.text for goal in goals.goals(results) if not goal.reached]


def test_numbers_that_reach_every_goal_fall_short_of_none(results):
    assert len(list(goals.goals(results))) == 48
    assert short(results) == []


@pytest.mark.parametrize(
    ("part", "which", "change", "text"),
    [
        ("load", ("fastapi", "list"), {"rate": 1334}, "list of 50: requests per second ≥ 3 × fastapi"),
        ("load", ("drf", "delete"), {"rate": 2223}, "DELETE: requests per second ≥ 1.8 × drf"),
        ("load", ("baseline", "get"), {"rate": 6667}, "GET one: requests per second ≥ 0.6 × baseline"),
        ("load", ("taskapp", "update"), {"p99": 8.1}, "PUT: p99 ≤ 4 × p50"),
        ("slow_link", ("taskapp", "create"), {"p95": 50.1}, "POST: p95 with a slow link ≤ 50 ms"),
    ],
)
def test_number_that_is_too_low_falls_short(results, part, which, change, text):
    for measurement in results[part]:
        if (measurement["service"], measurement["operation"], measurement["connections"]) == (*which, 32):
            measurement.update(change)
    assert short(results) == [text]


def test_errors_messages_growth_and_memory_fall_short(results):
    results["load"][-1]["errors"] = 1
    results["messages"]["taskapp"]["get"] = 2.0
    results["growth"]["tables"]["measurements"][-1]["p95"] = 5.3
    results["memory"]["end"] = 80e6
    assert short(results) == [
        "DELETE: no errors at 128 connections",
        "GET one: 1 message to the database",
        "DELETE: p95 with 10,000,000 tasks ≤ 1.3 × p95 with 10,000",
        "memory of a worker after 100,000 requests ≤ 1.05 × when warm",
    ]


def test_median_of_the_ratios_within_each_round_counts(results):
    for number, own, other in ((2, 400, 100), (3, 4000, 1), (4, 1, 4000), (5, 3000, 1000)):
        results["load"] += [
            measured("taskapp", "get", own, round=number),
            measured("fastapi", "get", other, round=number),
        ]
    assert goals.ratio(results["load"], "fastapi", "get") == 4


def test_report_has_every_number_it_is_given(results):
    results["growth"]["users"].append(measured("taskapp", "few fields", 1, page=1, tasks=10, p50=1.0))
    text = report.render(results)
    assert "48 of 48 are reached." in text
    assert "| GET one | 4.00 (≥ 2) | 4.00 (≥ 1.8) | 0.67 (≥ 0.6) |" in text
    assert "| taskapp | 128 | 3000 | 2.00 | 4.00 | 5.00 | 0 | 300 | 100 |" in text
    assert "| page 1,000 | 100,000 | 2.00 | 4.00 |" in text
    assert "| first page, 3 fields and id | 10 | 1.00 | 4.00 |" in text
    assert "70 MB after 100,000 requests" in text
    assert "1.2 s if everything is installed" in text


def test_report_leaves_out_what_was_not_measured():
    assert "##" not in report.render({}).replace("## Goals", "")


@pytest.mark.parametrize(
    ("file", "function", "package"),
    [
        ("/x/site-packages/flask/app.py", "wsgi_app", "flask"),
        (f"{ROOT}/taskapp/auth/guard.py", "authorize", "taskapp"),
        ("/usr/lib/python3/json/decoder.py", "decode", profiling.PYTHON),
        ("~", "<method 'execute' of 'psycopg2.extensions.cursor' objects>", "psycopg2"),
        ("~", "<built-in method builtins.len>", None),
    ],
)
def test_time_of_a_function_is_its_packages(file, function, package):
    assert profiling.package_of(file, function) == package


def test_time_of_a_builtin_is_its_callers():
    profile = cProfile.Profile()
    profile.runcall(json.loads, "[" + "1," * 100_000 + "1]")
    shares = profiling.shares(pstats.Stats(profile))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[profiling.PYTHON] > 0.99


def test_report_shows_the_time_of_each_package(results):
    assert "| GET one | 400 | 300 | 100 |" in report.render(results)


@pytest.fixture
def baseline(monkeypatch, database_url, secret):
    """The baseline in this process, on the database of the tests."""
    for name, value in {**services.peer_environment(database_url), "JWT_SECRET": secret}.items():
        monkeypatch.setenv(name, value)
    program = runpy.run_path(str(services.PEERS / "baseline" / "app.py"))
    yield LocalClient(program["app"])
    program["_thread"].connection.close()


def test_baseline_reads_and_writes_the_same_tasks_as_taskapp(alice, baseline):
    def send(method, path="", **options):
        response = baseline.open(alice.tasks + path, method=method, headers=headers, **options)
        assert response.status_code < 300, response.text
        return response.json["data"]

    def read(task):
        """The task as taskapp returns it, with the baseline's format of whole seconds and without the version."""
        own = json.loads(alice.get(f"/{task['id']}").body.replace(b".000000Z", b"Z"))["data"]
        return {name: own[name] for name in contract.FIELDS}

    headers = {"Authorization": f"Bearer {alice.token}"}
    task = send("POST", json=contract.TASK)
    assert list(task) == list(contract.FIELDS)
    assert 400 < len(json.dumps(task, separators=(",", ":"))) < 480
    assert task == read(task)
    without_day = dict.fromkeys(("due_date", "due_time", "time_zone"))
    for change in (contract.CHANGES, {"due_time": "09:30"}, {"due_time": None}, without_day, {"completed": True}):
        assert send("PUT", f"/{task['id']}", json=change) == read(task) == send("GET", f"/{task['id']}")
    assert send("PATCH", f"/{task['id']}/complete") == read(task)
    assert send("GET") == [read(task)]
