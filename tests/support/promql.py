"""PromQL in the project: the dashboard and docs/observe.md, parsed by the parser of the language."""

import json
import re

import yaml

from config import ROOT
from tests.support.documents import code, read
from tests.support.external import require_module

DASHBOARD = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What Prometheus adds by itself (https://prometheus.io/docs/concepts/jobs_instances/).
ADDED_METRICS, ADDED_LABELS = {"up"}, {"job", "instance"}
_VARIABLES = {"$__rate_interval": "10s", "$job": ".*", "$instance": ".*"}


def fill_in(expression):
    """Replace the variables of the dashboard."""
    return re.sub(r"\$\w+", lambda variable: _VARIABLES[variable[0]], expression)


def of_dashboard():
    """The expressions of the dashboard, by panels and, within one, by letters."""
    return {
        f"{panel['title']} {target['refId']}": fill_in(target["expr"])
        for panel in PANELS
        for target in panel["targets"]
    }


def of_page():
    """The alerts of docs/observe.md by their names, and its queries, each below its comment."""
    page = read("observe")
    rules = yaml.safe_load(code(page, "yaml").partition("groups:")[2].join(["groups:", ""]))
    alerts = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    queries = re.findall(r"^# (.+)\n((?:[^#\n].*\n)+)", code(page, "promql"), re.MULTILINE)
    assert len(alerts) > 5
    assert len(queries) > 3
    # An operator at the beginning of a line continues the query of the line before.
    lines = {name: re.sub(r"\n\s+", " ", text).splitlines() for name, text in queries}
    return alerts | {f"{name} {number}": each for name, found in lines.items() for number, each in enumerate(found)}


def metrics_of(expression):
    """The metrics in an expression, each with the labels that it is selected by, and all labels to group by.

    Raises:
        ValueError: the expression is no PromQL.
    """
    require_module("promql_parser")
    import promql_parser  # noqa: PLC0415 # Only CI has it for sure.

    selected, grouped = [], set()

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            selected.append((node.name, {matcher.name for matcher in node.matchers.matchers}))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            grouped.update(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return selected, grouped
