"""The arithmetic of docs/capacity.md, against values that were computed by hand, and the page against its numbers."""

import json
from dataclasses import fields, replace

import pytest

from benchmarks import capacity, capacity_report
from benchmarks.capacity import Assumptions, Costs, Prices
from benchmarks.capacity_report import PAGE, number
from benchmarks.settings import OPERATIONS, RESULTS, ROOT, SIZES

# A read takes 2,000 µs of the service on average, and a write too. PostgreSQL: 200 and 780.
COSTS = Costs(
    cpu={**dict.fromkeys(OPERATIONS, 2000), "get": 1000, "list": 3000},
    database_cpu={"get": 100, "list": 300, "create": 1000, "update": 1000, "complete": 600, "delete": 200},
    size={"task": 100, "creation": 100, "update": 200, "completion": 40, "deletion": 20, "key": 1000, "webhook": 1000},
)
ASSUMED = Assumptions(
    tasks=50,
    requests=20,
    peak=5,
    reads=0.8,
    lists=0.5,
    keyed=0.5,
    history_days=30,
    creations=0.3,
    updates=0.3,
    completions=0.25,
    deletions=0.15,
    webhooks=0.01,
    bloat=1,
    hot=0.1,
    busy=0.5,
    host_cores=8,
    spare=1,
    citus=2,
    node_cores=32,
    node_gb=2000,
    standbys=1,
)
PRICES = Prices(cu_hour=0.2, neon_gb_month=0.5, core_hour=0.05, disk_gb_month=0.1)
# 10 requests a second for each request of a user and day.
USERS = 864_000


def need(users, **assumed):
    return capacity.need(users, COSTS, replace(ASSUMED, **assumed), PRICES)


def test_cost_of_an_average_request():
    assert capacity.mean_cost(COSTS.cpu, ASSUMED) == pytest.approx(2000)
    assert capacity.mean_cost(COSTS.database_cpu, ASSUMED) == pytest.approx(0.8 * 200 + 0.2 * 780)
    assert capacity.requests_per_core(COSTS.cpu, ASSUMED) == pytest.approx(250)


def test_bytes_of_a_user():
    """50 tasks, 4 changes of 103 bytes on each of 30 days, 2 keys, and a hundredth of a webhook."""
    assert capacity.bytes_per_user(COSTS.size, ASSUMED) == pytest.approx(5000 + 12_360 + 2000 + 10)
    assert capacity.bytes_per_user(COSTS.size, replace(ASSUMED, bloat=2)) == pytest.approx(2 * 19_370)


def test_one_host_with_a_spare_one_and_a_small_database():
    found = need(USERS)
    assert (found.average, found.peak) == (pytest.approx(200), pytest.approx(1000))
    assert (found.cores, found.hosts, found.connections) == (pytest.approx(4), 2, 2 * 4 * 16)
    assert found.database_cores == pytest.approx(1000 * 316e-6 / 0.5)  # 0.632
    assert found.gigabytes == pytest.approx(16.73568)
    assert (found.cu, found.nodes) == (0.75, 0)
    assert found.host_dollars == pytest.approx(2 * 4 * 0.05 * 730)
    assert found.database_dollars == pytest.approx(0.75 * 0.2 * 730 + 8.36784)


def test_more_hosts():
    found = need(10 * USERS)
    assert (found.hosts, found.host_cores, found.connections, found.cu) == (6, 8, 6 * 8 * 8, 7)
    assert (need(USERS // 100).hosts, need(USERS // 100).host_cores) == (2, 2)


def test_memory_of_the_database():
    """16.7 GB, all of which are in use."""
    assert need(USERS, hot=1).cu == 5


def test_largest_compute_and_the_first_user_too_many():
    assert capacity.compute_units(56, 0, ASSUMED) == 56
    assert capacity.compute_units(56.1, 0, ASSUMED) == 0
    assert capacity.compute_units(0.01, 0, ASSUMED) == 0.25
    most = capacity.users_of_neon(COSTS, ASSUMED, PRICES)
    assert most == 76_556_000
    assert (need(most).cu, need(most + 1000).nodes > 0) == (56, True)


def test_citus_with_standbys():
    """632 cores with half the speed on nodes of 32; 16.7 TB would fit on nine."""
    found = need(1000 * USERS)
    assert (found.cu, found.nodes, found.hosts) == (0, 40, 501)
    assert found.database_dollars == pytest.approx(41 * 2 * 32 * 0.05 * 730 + 16_735.68 * 2 * 0.1)
    assert need(1000 * USERS, node_gb=100).nodes == 168


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.012"), (2.31, "2.3"), (11.6, "12"), (104, "100"), (1157, "1,200"), (115_740, "120,000")],
)
def test_numbers_have_two_digits(value, text):
    assert number(value) == text


def test_page_is_that_of_the_measured_costs():
    """After a change of either, run `make bench-capacity`."""
    results, sizes = json.loads(RESULTS.read_text()), json.loads(SIZES.read_text())
    assert PAGE.read_text() == capacity_report.render(results, sizes)


def test_page_has_every_assumption():
    text = PAGE.read_text()
    for source in (Assumptions(), Prices()):
        for each in fields(source):
            assert f"| {capacity_report.LABELS[each.name]} | {getattr(source, each.name):g} |" in text


def test_scale_page_has_the_computed_numbers():
    text = (ROOT / "docs" / "scale.md").read_text()
    costs = capacity.read_costs(json.loads(RESULTS.read_text()), json.loads(SIZES.read_text()))
    core, database = (capacity.requests_per_core(cost, Assumptions()) for cost in (costs.cpu, costs.database_cpu))
    users = capacity.users_of_neon(costs, Assumptions(), Prices())
    found = {
        f"computed: {number(8 * core)} requests with 8 cores",
        f"computed: {number(core)} requests for each core",
        f"computed: {number(database)} requests for each CU, {number(56 * database)} with 56 CU",
        f"of {number(users)} users",
        f"computed: {number(database / Assumptions().citus * 32)} requests for each node with 32 cores",
    }
    assert {each for each in found if each not in text} == set()
