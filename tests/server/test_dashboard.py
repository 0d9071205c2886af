"""The Grafana dashboard and the alerts: valid, about metrics that exist, and with values for every panel."""

import copy
import json
import re
import subprocess
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import promql
from tests.support.client import Client
from tests.support.documents import TOOLS, code, read
from tests.support.external import require, require_node_package
from tests.support.ports import free_port, listens
from tests.support.postgres import locked_tasks
from tests.support.prometheus import Prometheus, check_rules
from tests.support.receivers import Receiver
from tests.support.urls import text_url
from tests.support.waiting import wait_until
from tests.support.webhooks import add

TOKEN = "a-token-for-metrics_1"
EXPRESSIONS = promql.of_dashboard() | promql.of_page()
# Samples that no panel shows: how many calls and deliveries there were is in other metrics, and their sums say little.
NOT_SHOWN = {
    *("webhook_call_duration_seconds_count", "webhook_call_duration_seconds_sum"),
    *("webhook_latency_seconds_count", "webhook_latency_seconds_sum"),
}


class Monitored:
    """A service with webhooks, and traffic that has all that can be measured: errors, retries and outages included."""

    def __init__(self, gunicorn, port, receiver):
        self.gunicorn, self.port = gunicorn, port
        self._user = gunicorn.client()
        # One fails once and has to wait. The other continues.
        receiver.responses.append(500)
        for path in "ab":
            add(self._user, url=f"{receiver.url}/{path}")

    def use(self, url):
        """Cause traffic."""
        for number in range(5):
            self._user.create(title=f"task {number}")
        self._user.get()
        self._user.get(token="no.token.here")
        with locked_tasks(url):
            assert self._user.post(json={"title": "waits"}).status == 503

    def samples(self):
        """The samples of service and process: the labels of each by its name."""
        with Client(self.gunicorn.port, token=TOKEN) as client:
            texts = [client.request("GET", "/metrics").body.decode()]
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as response:
            texts.append(response.read().decode())
        found = {}
        for text in texts:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    found.setdefault(sample.name, set()).update(sample.labels)
        return {name: labels for name, labels in found.items() if not name.endswith("_created")}


@pytest.fixture(scope="module")
def database_of_service(new_database):
    return new_database()


@pytest.fixture(scope="module")
def monitored(start_module_server, database_of_service, via_pooler):
    port = free_port()
    gunicorn = start_module_server(
        DATABASE_URL=text_url(via_pooler(database_of_service)),
        METRICS_TOKEN=TOKEN,
        REQUEST_TIMEOUT=1,
        DELIVER_WEBHOOKS="true",
        WEBHOOK_METRICS_PORT=port,
        WEBHOOK_ALLOW_PRIVATE="true",
    )
    wait_until(lambda: listens(port), gunicorn.log.read_text, 60)
    with Receiver() as receiver:
        yield Monitored(gunicorn, port, receiver)


@pytest.fixture(scope="module")
def samples(monitored, database_of_service):
    monitored.use(database_of_service)
    return monitored.samples()


def panel_ids():
    return [panel["id"] for panel in promql.DASHBOARD["panels"]]


def test_panels_say_what_they_show_in_which_unit():
    assert len(set(panel_ids())) == len(panel_ids())
    for panel in promql.PANELS:
        assert re.fullmatch(r'["A-Z0-9].{30,}\.', panel["description"]), panel["title"]
        options = panel["options"] if panel["type"] == "heatmap" else {"yAxis": panel["fieldConfig"]["defaults"]}
        assert options["yAxis"]["unit"], panel["title"]


def test_panels_use_the_variables():
    names = [variable["name"] for variable in promql.DASHBOARD["templating"]["list"]]
    assert names == ["datasource", "job", "instance"]
    for panel in promql.PANELS:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
            selectors = re.findall(r"{(.*?)}", target["expr"])
            assert selectors
            assert all(each.startswith('job=~"$job",instance=~"$instance"') for each in selectors), target["expr"]


def test_no_panel_lies_on_another():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in promql.DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))  # The columns of Grafana.


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_is_valid(name):
    assert promql.metrics_of(EXPRESSIONS[name])[0]


def test_invalid_expression_is_noticed():
    with pytest.raises(ValueError, match="unclosed"):
        promql.metrics_of("sum(rate(a[5m])")


@pytest.mark.slow
def test_metrics_and_labels_exist(samples):
    for name, expression in EXPRESSIONS.items():
        selected, grouped = promql.metrics_of(expression)
        labels = set()
        for metric, used in selected:
            assert metric in samples.keys() | promql.ADDED_METRICS, name
            labels |= samples.get(metric, set()) | promql.ADDED_LABELS
            assert used <= samples.get(metric, set()) | promql.ADDED_LABELS, name
        assert grouped <= labels, name


@pytest.mark.slow
def test_every_metric_is_on_the_dashboard(samples):
    shown = {name for each in promql.of_dashboard().values() for name, _ in promql.metrics_of(each)[0]}
    assert samples.keys() - shown == NOT_SHOWN


@pytest.mark.slow
def test_no_panel_is_empty(monitored, database_of_service, tmp_path):
    left = promql.of_dashboard()

    def everything_has_values():
        monitored.use(database_of_service)
        for name, expression in list(left.items()):
            if prometheus.query(expression):
                del left[name]
        return not left

    jobs = {"taskapp": (monitored.gunicorn.port, TOKEN), "webhooks": (monitored.port, None)}
    with Prometheus(tmp_path, **jobs) as prometheus:
        wait_until(everything_has_values, lambda: f"empty: {left}", 60)
        for expression in promql.of_page().values():
            prometheus.query(expression)


@pytest.mark.slow
def test_prometheus_accepts_the_alerts(tmp_path):
    rules = "groups:" + code(read("observe"), "yaml").partition("groups:")[2]
    path = tmp_path / "rules.yml"
    path.write_text(rules)
    assert f"SUCCESS: {rules.count('- alert:')} rules found" in check_rules(path)
    path.write_text(rules.replace("sum(", "sum((", 1))
    assert "FAILED" in check_rules(path)


def errors_of(*dashboards):
    """What TypeScript finds wrong with dashboards: the lines of its messages."""
    require_node_package("@grafana/schema")
    node = require("node", "'apt install nodejs npm', then 'make tools'.")
    path = TOOLS / "checked-dashboards.ts"
    lines = [f"export const c{number}: Dashboard = {json.dumps(each)};" for number, each in enumerate(dashboards)]
    path.write_text("\n".join(['import type { Dashboard } from "./dashboard";', *lines]))
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler"]
    command = [node, "node_modules/typescript/bin/tsc", *options, path.name]
    try:
        result = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=False, timeout=120)
    finally:
        path.unlink()
    return re.findall(rf"^{path.name}\((\d+),\d+\): (.*)$", result.stdout, re.MULTILINE)


@pytest.mark.slow
def test_dashboard_has_the_schema_of_grafana():
    """And other names and values are noticed, wherever they are."""
    wrong = [copy.deepcopy(promql.DASHBOARD) for _ in range(4)]
    series = [next(panel for panel in each["panels"] if panel["type"] == "timeseries") for each in wrong]
    series[0]["options"]["legend"]["displayMode"] = "tabel"
    series[1]["targets"][0]["expresion"] = "up"
    series[2]["fieldConfig"]["defaults"]["unit"] = 1
    wrong[3]["refreshed"] = "30s"
    assert {line for line, _ in errors_of(promql.DASHBOARD, *wrong)} == {"3", "4", "5", "6"}
