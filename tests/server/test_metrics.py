"""Metrics: only for clients with the token, and right over several workers, even if one is killed."""

import http.client
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from config import ROOT
from taskapp.server import metrics
from tests.support.client import scrape
from tests.support.contract import DOCUMENT
from tests.support.postgres import locked_tasks, run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

TOKEN = "a-token-for-metrics_1"
OPERATIONS = (ROOT / "docs" / "observe.md").read_text()
REQUESTS = "http_request_duration_seconds"
STATEMENTS = "database_statement_duration_seconds"
# Each worker purges what has expired after its first write: keys, and changes in two steps. With the changes of more
# users, these would be more.
STATEMENTS_OF_A_PURGE = 3
LIST, TASK = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{task_id}"


@pytest.fixture
def start(start_server, tmp_path):
    """Starts servers with metrics on, which keep their files in the test's folder."""
    return partial(start_server, METRICS_TOKEN=TOKEN, TMPDIR=tmp_path, THREADS=4)


def counted(samples, name=REQUESTS):
    return {key[1:]: value for key, value in samples.items() if key[0] == f"{name}_count"}


def workers_that_counted(folder):
    return {re.search(r"_(\d+)\.db", file.name)[1] for file in folder.glob("taskapp-metrics-*/histogram_*.db")}


def test_without_a_token_configured_there_is_nothing(alice):
    for token in (None, TOKEN, "", alice.token):
        response = alice.request("GET", "/metrics", token=token)
        assert (response.status, response.error["code"]) == (404, "NOT_FOUND")
    unknown = alice.request("GET", "/nothing", token=None)
    assert response.error["message"] == unknown.error["message"]


def test_only_the_token_opens(start):
    server = start(WORKERS=1)
    user = server.client()
    for token in (None, "", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é", user.token):
        headers = {} if token is None else {"Authorization": f"Bearer {token}".encode("latin-1")}
        response = user.request("GET", "/metrics", token=None, headers=headers)
        assert (response.status, response.error["code"]) == (401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert user.request("GET", "/metrics", token=TOKEN).status == 200
    assert user.get(token=TOKEN).status == 401  # It opens nothing else.


def test_every_request_of_every_worker_is_counted_once(start, tmp_path, new_database):
    server = start(DATABASE_URL=new_database())

    def use(_):
        client = server.client()
        task = client.create(title="counted")
        return [
            client.get(f"/{task['id']}").status,
            client.get("/9999999").status,
            client.request("GET", "/no/such/address").status,
            client.request("BREW", "/another").status,
            client.get(token=None).status,
            client.request("HEAD", client.tasks).status,
        ]

    server.wait_for_workers()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(use, range(40)))
    assert statuses == [[200, 404, 404, 404, 401, 200]] * 40
    assert len(workers_that_counted(tmp_path)) == 2
    scrapes = []

    def purges_are_counted():
        scrapes.append(scrape(server.port, TOKEN))
        return counted(scrapes[-1], STATEMENTS) == {("ok",): 160 + 2 * STATEMENTS_OF_A_PURGE}

    wait_until(purges_are_counted, lambda: f"not every statement is counted once: {counted(scrapes[-1], STATEMENTS)}")
    samples = scrapes[-1]
    assert counted(scrapes[0]) == {
        ("POST", LIST, "201"): 40,
        ("GET", TASK, "200"): 40,
        ("GET", TASK, "404"): 40,
        ("GET", "unmatched", "404"): 40,
        ("OTHER", "unmatched", "404"): 40,
        ("GET", LIST, "401"): 40,
        ("HEAD", LIST, "200"): 40,
    }
    in_all = sum(value for key, value in samples.items() if key[0] == f"{REQUESTS}_sum")
    assert 0 < samples[f"{STATEMENTS}_sum", "ok"] < in_all
    assert counted(scrape(server.port, TOKEN))["GET", "/metrics", "200"] == len(scrapes)
    server.stop()
    assert not list(tmp_path.glob("taskapp-metrics-*"))


def test_killed_worker_takes_nothing_with_it(start, tmp_path):
    server = start()
    server.wait_for_workers()
    for _ in range(20):
        server.client().get()
    assert len(workers_that_counted(tmp_path)) == 2
    before = scrape(server.port, TOKEN)
    killed, other = server.workers()
    os.kill(killed, signal.SIGKILL)
    folder = next(tmp_path.glob("taskapp-metrics-*"))
    wait_until(lambda: not list(folder.glob(f"gauge_livesum_{killed}.db")), "its gauges are still there")
    wait_until(lambda: len(list(folder.glob("gauge_livesum_*.db"))) == 2, "no worker took its place")
    # One that was killed as it made a file leaves an empty one.
    (folder / f"histogram_{killed}0.db").touch()
    after = scrape(server.port, TOKEN)
    assert counted(after)["GET", LIST, "200"] == counted(before)["GET", LIST, "200"] == 20
    assert after["database_pool_connections_max",] == before["database_pool_connections_max",] == 8
    assert other in server.workers()


def test_pool_is_reported_as_it_is(start, new_database, postgres):
    url = new_database()
    server = start(DATABASE_URL=url, WORKERS=2, THREADS=3, REQUEST_TIMEOUT=20)

    def pool(name):
        return scrape(server.port, TOKEN)[f"database_pool_connections_{name}",]

    wait_until(lambda: pool("max") == 6, "there is one worker")
    assert (pool("open"), pool("in_use")) == (0, 0)
    user = server.client()
    user.get()
    assert (pool("open"), pool("in_use")) == (1, 0)

    with ThreadPoolExecutor(1) as threads:
        with locked_tasks(url):
            waiting = threads.submit(user.post, json={"title": "waits"})
            wait_until(lambda: pool("in_use") == 1, "it does not wait")
        assert waiting.result().status == 201
    # A first write may start a purge.
    wait_until(lambda: (pool("open"), pool("in_use")) == (1, 0), "a connection stays in use")

    run_sql(postgres.url, f"DROP DATABASE {url.database} WITH (FORCE)")
    assert user.get().status == 503
    assert (pool("open"), pool("in_use")) == (0, 0)
    assert counted(scrape(server.port, TOKEN), STATEMENTS)["unavailable",] == 1


def test_one_process_counts_without_gunicorn(make_app):
    app = make_app(METRICS_TOKEN=TOKEN, THREADS=4)
    http_client = app.test_client()
    assert http_client.get("/health/live").status_code == 200
    text = http_client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert f'{REQUESTS}_count{{method="GET",route="/health/live",status="200"}} 1.0' in text
    assert "database_pool_connections_max 4.0" in text


def test_scrape_while_workers_write_never_fails(start):
    server = start()
    with ThreadPoolExecutor(4) as pool:

        def live(_):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            for _ in range(50):
                connection.request("GET", "/health/live")
                connection.getresponse().read()
            connection.close()

        users = [pool.submit(live, number) for number in range(3)]
        counts = [counted(scrape(server.port, TOKEN)).get(("GET", "/health/live", "200"), 0) for _ in range(20)]
        for user in users:
            user.result()
        assert counts == sorted(counts)
        assert counted(scrape(server.port, TOKEN))["GET", "/health/live", "200"] == 150


def test_every_metric_is_explained(make_app):
    app = make_app(METRICS_TOKEN=TOKEN, THREADS=4)
    text = app.extensions["instruments"].exposition().decode()
    section = OPERATIONS.split("\n## Metrics")[1].split("\n### Metrics of webhooks")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (histogram|gauge|counter) \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def test_document_says_which_token():
    operation = DOCUMENT["paths"]["/metrics"]["get"]
    assert operation["security"] == [{"metrics": []}]
    assert list(operation["responses"]["200"]["content"]) == [metrics.CONTENT_TYPE]
