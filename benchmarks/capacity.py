"""What a number of users takes: cores, space, connections and money, computed from measured costs and assumptions.

The costs are those of ``results.json`` and ``capacity.json``. Everything else is an assumption, and is in this module.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from benchmarks.goals import CONNECTIONS, median
from taskapp.settings import default_threads

DAY = 86_400
HOURS_PER_MONTH = 730
GB = 1e9
# The sizes of Neon's computes, in CU, and its memory for each. One CU is some one core.
# https://neon.com/docs/introduction/plans and https://neon.com/docs/connect/connection-pooling
LARGEST_CU = 56
GB_PER_CU = 4


@dataclass(frozen=True)
class Assumptions:
    """How users behave, and how full machines may be. None of it is measured."""

    tasks: float = 50  # of a user
    requests: float = 20  # of a user and day, on average over all users, absent ones included
    peak: float = 5  # the busiest minute, as a multiple of the average
    reads: float = 0.8  # of all requests
    lists: float = 0.5  # of all reads; the others get one task
    creations: float = 0.3  # of all writes
    updates: float = 0.3
    completions: float = 0.25
    deletions: float = 0.15
    keyed: float = 0.5  # of all writes, with an idempotency key, which is kept for a day
    history_days: float = 30  # HISTORY_DAYS
    webhooks: float = 0.01  # of a user
    bloat: float = 1.3  # space with dead rows and half-full pages, as a multiple of that of rows just written
    hot: float = 0.1  # of the data, in the memory of the database
    busy: float = 0.6  # of the cores, at the peak
    host_cores: int = 8  # at most; the only host has as many as it needs, but at least two
    spare: int = 1  # hosts, so that one may fail
    # From the times of single requests, tried by hand: 0.51 and 1.23 ms for a GET, 1.28 and 2.81 ms for a POST.
    citus: float = 2.3  # processor time of the database, as a multiple of that of plain PostgreSQL
    node_cores: int = 32
    node_gb: float = 2000
    standbys: float = 1  # of each node


@dataclass(frozen=True)
class Prices:
    """In US dollars, without taxes, discounts, traffic, backups and support."""

    # 2026-11-12, Scale plan, https://neon.com/docs/introduction/plans
    cu_hour: float = 0.222
    neon_gb_month: float = 0.35
    # 2026-06, half an m7g.large on demand in us-east-1, as reported by
    # https://www.factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026/
    core_hour: float = 0.0408
    # A round price of network disks.
    disk_gb_month: float = 0.08


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        cpu: microseconds of the service for each request, by operation.
        database_cpu: the same of PostgreSQL.
        size: bytes of each row with its entries in indexes, by kind.
    """

    cpu: Mapping[str, float]
    database_cpu: Mapping[str, float]
    size: Mapping[str, float]


@dataclass(frozen=True)
class Need:
    """What a number of users takes.

    Attributes:
        users: the number of users.
        average: requests per second.
        peak: requests per second in the busiest minute.
        cores: of the service, so that they are not too busy at the peak.
        hosts: of the service, with the spare ones.
        host_cores: cores of each.
        connections: of all hosts to the database; twice as many during a deployment.
        database_cores: the same as ``cores``, of plain PostgreSQL.
        gigabytes: the size of the database.
        cu: the compute of Neon, or 0 if no compute is large enough.
        nodes: workers of Citus without standbys, or 0 if Neon suffices.
        host_dollars: per month.
        database_dollars: per month.
    """

    users: int
    average: float
    peak: float
    cores: float
    hosts: int
    host_cores: int
    connections: int
    database_cores: float
    gigabytes: float
    cu: float
    nodes: int
    host_dollars: float
    database_dollars: float


def read_costs(results: Mapping[str, Any], sizes: Mapping[str, Any]) -> Costs:
    """Return the costs of results and of the sizes of rows."""
    operations = ("get", "list", "create", "update", "complete", "delete")

    def measured(name: str) -> Mapping[str, float]:
        which = {"service": "taskapp", "connections": CONNECTIONS}
        return MappingProxyType({each: median(results["load"], name, operation=each, **which) for each in operations})

    return Costs(measured("cpu"), measured("database_cpu"), sizes["bytes"])


def mean_cost(cost: Mapping[str, float], assumed: Assumptions) -> float:
    """Return the microseconds of an average request."""
    reads = cost["list"] * assumed.lists + cost["get"] * (1 - assumed.lists)
    shares = _writes(assumed)
    writes = sum(cost[operation] * share for operation, share in shares.items())
    return reads * assumed.reads + writes * (1 - assumed.reads)


def _writes(assumed: Assumptions) -> Mapping[str, float]:
    return {
        "create": assumed.creations,
        "update": assumed.updates,
        "complete": assumed.completions,
        "delete": assumed.deletions,
    }


def bytes_per_user(size: Mapping[str, float], assumed: Assumptions) -> float:
    """Return the bytes of a user in the database."""
    kinds = {"create": "creation", "update": "update", "complete": "completion", "delete": "deletion"}
    change = sum(size[kinds[operation]] * share for operation, share in _writes(assumed).items())
    writes = assumed.requests * (1 - assumed.reads)
    rows = (
        size["task"] * assumed.tasks
        + change * writes * assumed.history_days
        + size["key"] * writes * assumed.keyed
        + size["webhook"] * assumed.webhooks
    )
    return rows * assumed.bloat


def requests_per_core(cost: Mapping[str, float], assumed: Assumptions) -> float:
    """Return how many average requests a second a core serves if it is as busy as it may be."""
    return 1e6 * assumed.busy / mean_cost(cost, assumed)


def need(users: int, costs: Costs, assumed: Assumptions, prices: Prices) -> Need:
    """Return what a number of users takes."""
    average = users * assumed.requests / DAY
    peak = average * assumed.peak
    cores = peak / requests_per_core(costs.cpu, assumed)
    hosts = math.ceil(cores / assumed.host_cores) + assumed.spare
    host_cores = max(2, min(assumed.host_cores, math.ceil(cores)))
    database_cores = peak / requests_per_core(costs.database_cpu, assumed)
    gigabytes = users * bytes_per_user(costs.size, assumed) / GB
    cu = compute_units(database_cores, gigabytes, assumed)
    nodes = 0 if cu else nodes_of_citus(database_cores, gigabytes, assumed)
    neon = cu * prices.cu_hour * HOURS_PER_MONTH + gigabytes * prices.neon_gb_month
    # A coordinator is a node, too. Its disk is empty.
    machines = (nodes + 1) * (1 + assumed.standbys) * assumed.node_cores * prices.core_hour * HOURS_PER_MONTH
    citus = machines + gigabytes * (1 + assumed.standbys) * prices.disk_gb_month
    return Need(
        users=users,
        average=average,
        peak=peak,
        cores=cores,
        hosts=hosts,
        host_cores=host_cores,
        # As many workers as cores, by default.
        connections=hosts * host_cores * default_threads(host_cores),
        database_cores=database_cores,
        gigabytes=gigabytes,
        cu=cu,
        nodes=nodes,
        host_dollars=hosts * host_cores * prices.core_hour * HOURS_PER_MONTH,
        database_dollars=citus if nodes else neon,
    )


def compute_units(cores: float, gigabytes: float, assumed: Assumptions) -> float:
    """Return the size of Neon's compute, or 0 if none is large enough. The smallest one has a quarter of a CU."""
    wanted = max(cores, gigabytes * assumed.hot / GB_PER_CU)
    size = max(0.25, math.ceil(wanted * 4) / 4) if wanted <= 1 else math.ceil(wanted)
    return size if size <= LARGEST_CU else 0


def nodes_of_citus(cores: float, gigabytes: float, assumed: Assumptions) -> int:
    """Return the number of workers of Citus."""
    return max(2, math.ceil(cores * assumed.citus / assumed.node_cores), math.ceil(gigabytes / assumed.node_gb))


def users_of_neon(costs: Costs, assumed: Assumptions, prices: Prices) -> int:
    """Return how many users the largest compute of Neon holds, in whole thousands."""
    million = need(1_000_000, costs, assumed, prices)
    wanted = max(million.database_cores, million.gigabytes * assumed.hot / GB_PER_CU)
    return int(LARGEST_CU / wanted * 1000) * 1000
