"""``RESULTS.md``, written from the numbers alone."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from benchmarks.goals import CONNECTIONS, GROWTH, RATES, goals, median_of, ratio
from benchmarks.profiling import table
from benchmarks.settings import FOLDER, OPERATIONS, TITLES

TEXT = """# How fast taskapp is

What `make bench` measured; `results.json` has every number, and this page and the plots are made of it.
All services ran in one run on one machine and one PostgreSQL, with the same data ({users:,} users with 100 tasks each,
and one with 50, whose list is read), 2 workers, HS256 tokens and connections that stay open. wrk loaded them in turn,
{seconds} s for each service, operation and number of connections, and that {rounds} times over; each number is the
median of the rounds, and each ratio the median of those within a round. Times are in milliseconds; wrk corrects them
for what a slow answer kept from being sent. The load, the services and PostgreSQL share the cores.

* **taskapp**: as `make run` serves it.
* **FastAPI + SQLModel**: as the tutorials of both teach, on uvicorn with uvloop and httptools.
* **Django REST framework**: a model serializer and a model view set, on the same gunicorn as taskapp.
* **the floor**: a WSGI callable with psycopg2 and no framework, on the same gunicorn, with taskapp's tables, statements
  and prefix. It checks the token, which it remembers for a minute as taskapp does, and little else.

Each passes the same check of the contract before it is timed.
"""
UNITS = "requests a second | p50 | p95 | p99 | errors | CPU of the service, µs a request | CPU of PostgreSQL, µs"


def write_report(results: Mapping[str, Any]) -> None:
    """Write ``RESULTS.md``."""
    (FOLDER / "RESULTS.md").write_text(render(results))


def render(results: Mapping[str, Any]) -> str:
    """Return the report; what was not measured is left out."""
    parts = [_head(results)]
    sections = {
        "load": _load,
        "messages": _messages,
        "slow_link": _slow_link,
        "growth": _growth,
        "profile": _profile,
        "memory": _memory,
        "start": _start,
        "machine": _machine,
    }
    parts += [section(results) for name, section in sections.items() if results.get(name)]
    return "\n".join(parts)


def _table(head: str, rows: Iterable[Iterable[Any]]) -> str:
    cells = [f"| {' | '.join(map(str, row))} |" for row in rows]
    aligned = "|".join(["---", *["---:"] * head.count("|")])
    return "\n".join([f"| {head} |", f"|{aligned}|", *cells, ""])


def _title(service: str) -> str:
    titles = {"fastapi": "FastAPI + SQLModel", "drf": "Django REST framework", "floor": "the floor"}
    return titles.get(service, service)


def _head(results: Mapping[str, Any]) -> str:
    found = list(goals(results))
    short = [f"* {goal.text}: **{goal.found}**" for goal in found if not goal.reached]
    reached = f"## Goals\n\n{len(found) - len(short)} of {len(found)} are reached"
    text = TEXT.format(**results["settings"]) if "settings" in results else "# How fast taskapp is\n"
    return "\n".join([text, f"{reached}." if not short else f"{reached}; these fall short:\n", *short, ""])


def _load(results: Mapping[str, Any]) -> str:
    load = results["load"]
    services = list(dict.fromkeys(m["service"] for m in load))
    peers = [service for service in services if service in RATES]
    head = "at 32 connections | " + " | ".join(f"× {_title(peer)}" for peer in peers)
    ratios = [[TITLES[operation], *(_ratio(load, peer, operation) for peer in peers)] for operation in OPERATIONS]
    parts = [
        "## Against the others\n",
        "Requests a second, as a multiple of theirs (the goal):\n",
        _table(head, ratios),
    ]
    parts += ["![Latency by connections](latency.png)\n"]
    for operation in OPERATIONS:
        rows = [
            [_title(service), connections, *_numbers(load, service, operation, connections)]
            for connections in sorted({m["connections"] for m in load})
            for service in services
            if median_of(load, "rate", service=service, operation=operation, connections=connections)
        ]
        parts += [f"### {TITLES[operation]}\n", _table(f"service | connections | {UNITS}", rows)]
    return "\n".join(parts)


def _ratio(load: list[dict[str, Any]], peer: str, operation: str) -> str:
    found, goal = ratio(load, peer, operation, CONNECTIONS), RATES[peer].get(operation)
    return f"{found:.2f}" + (f" (≥ {goal:g})" if goal else "")


def _numbers(load: list[dict[str, Any]], service: str, operation: str, connections: int) -> list[str]:
    which = {"service": service, "operation": operation, "connections": connections}
    times = [f"{median_of(load, name, **which):.2f}" for name in ("p50", "p95", "p99")]
    errors = sum(m["errors"] for m in load if all(m[name] == value for name, value in which.items()))
    cpu = [f"{median_of(load, name, **which):.0f}" for name in ("cpu", "database_cpu")]
    return [f"{median_of(load, 'rate', **which):.0f}", *times, str(errors), *cpu]


def _messages(results: Mapping[str, Any]) -> str:
    head = "service | " + " | ".join(TITLES[operation] for operation in OPERATIONS)
    rows = [
        [_title(service), *(f"{counted[operation]:g}" for operation in OPERATIONS)]
        for service, counted in results["messages"].items()
    ]
    return f"## Messages to the database for a request\n\nEach is a round trip.\n\n{_table(head, rows)}"


def _slow_link(results: Mapping[str, Any]) -> str:
    slow = results["slow_link"]
    head = "p50 / p95 | threads of a worker | " + " | ".join(TITLES[operation] for operation in OPERATIONS)
    rows = []
    for service, threads in dict.fromkeys((m["service"], m["threads"]) for m in slow):
        times = []
        for operation in OPERATIONS:
            which = {"service": service, "threads": threads, "operation": operation}
            times.append(f"{median_of(slow, 'p50', **which):.0f} / {median_of(slow, 'p95', **which):.0f}")
        rows.append([_title(service), "40" if service == "fastapi" else threads, *times])
    return (
        "## With a slow link to the database\n\n"
        "A proxy on loopback keeps everything for 20 ms, each way; 16 connections. A thread waits for its answer, so\n"
        f"a service needs as many threads as it has requests at once.\n\n{_table(head, rows)}"
    )


def _growth(results: Mapping[str, Any]) -> str:
    tables, users = results["growth"]["tables"], results["growth"]["users"]
    found = tables["measurements"]
    sizes = sorted({m["tasks"] for m in found})
    rows = []
    for operation in OPERATIONS:
        p95 = [median_of(found, "p95", operation=operation, tasks=size) for size in sizes]
        rates = [median_of(found, "rate", operation=operation, tasks=size) for size in sizes]
        cells = [f"{time:.2f} ({rate:.0f}/s)" for time, rate in zip(p95, rates, strict=True)]
        rows.append([TITLES[operation], *cells, f"{p95[-1] / (p95[0] or 1):.2f} (≤ {GROWTH:g})"])
    loads = [f"{load['tasks']:,}: {load['seconds']:.0f} s, {_mb(load['bytes'])}" for load in tables["loads"]]
    parts = [
        "## How the cost grows\n",
        "taskapp alone, 8 connections: one user of 1,000 tasks, and more and more tasks of others. p95:\n",
        _table("tasks in all | " + " | ".join(f"{size:,}" for size in sizes) + " | last ÷ first", rows),
        "To make and index them took, with all indexes: " + "; ".join(loads) + ".\n",
        "![p95 by table size](growth.png)\n",
        "One user with more and more tasks, pages of 10:\n",
    ]
    kinds = dict.fromkeys((m["operation"], m["page"], m["tasks"]) for m in users)
    rows = []
    for operation, page, tasks in kinds:
        which = {"operation": operation, "page": page, "tasks": tasks}
        name = f"page {page:,}" if operation != "get" else TITLES["get"]
        rows.append([name, f"{tasks:,}", *(f"{median_of(users, value, **which):.2f}" for value in ("p50", "p95"))])
    return "\n".join([*parts, _table("what | tasks of the user | p50 | p95", rows)])


def _profile(results: Mapping[str, Any]) -> str:
    text = (
        "## Where the time of a request goes\n\n"
        "The processor's time that taskapp itself takes, by the package whose code runs: called as gunicorn calls it,\n"
        "but without gunicorn, one request after the other; shares from cProfile, without the wait for PostgreSQL.\n"
        "Under load each takes longer than here, because the processor's caches are cold.\n\n"
    )
    return text + _table(*table(results["profile"], TITLES))


def _memory(results: Mapping[str, Any]) -> str:
    memory, services = results["memory"], results.get("service_memory", {})
    text = (
        f"## Memory\n\nA worker of taskapp: {_mb(memory['start'])} at its start, {_mb(memory['warm'])} when warm,"
        f" {_mb(memory['end'])} after {memory['requests']:,} requests.\n\n"
    )
    rows = [[_title(name), _mb(sizes["start"]), _mb(sizes["end"])] for name, sizes in services.items()]
    return text + _table("a worker | after the check of the contract | after the comparison", rows)


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _start(results: Mapping[str, Any]) -> str:
    start = results["start"]
    return (
        f"## Start\n\nFrom `make run` to the first answer: {median(start['again']):.1f} s where everything is"
        f" installed, {start['first']:.1f} s the first time, when the database is made.\n"
    )


def _machine(results: Mapping[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    settings = ", ".join(f"{name} = {value}" for name, value in versions["postgresql_settings"].items())
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    where = f"{machine['processor']}, {machine['cores']} cores, {memory}, {machine['kernel']}"
    lines = [
        "## Where, and with what\n",
        f"* {machine['date']}: {where}; load before: {machine['load_before']:.2f}",
        f"* Python {versions['python']}, wrk {versions['wrk']}, PostgreSQL {versions['postgresql']} ({settings})",
        f"* taskapp {versions['taskapp_commit']}: {_versions(versions['taskapp'])}",
        f"* the others: {_versions(versions['peers'])}",
    ]
    if commands := results.get("commands"):
        lines += ["\n```", *(f"# {_title(name)}\n{command}" for name, command in commands.items())]
        lines += [
            "# a load\nwrk --threads 1 --connections 32 --duration … --script load.lua http://127.0.0.1:… -- …\n```"
        ]
    return "\n".join([*lines, ""])


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
