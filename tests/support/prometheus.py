"""A real Prometheus that scrapes what a test serves."""

import json
import subprocess
import urllib.parse
import urllib.request

from tests.support.external import require
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

HOW = "'apt install --no-install-recommends prometheus'."


class Prometheus:
    """Scrapes targets each second.

    Args:
        folder: where it keeps its data.
        jobs: the jobs by their names, each with a port of loopback and a token, or None.
    """

    def __init__(self, folder, **jobs):
        self._program = require("prometheus", HOW)
        self._port, self._folder = free_port(), folder
        scrapes = [_scrape(name, port, token) for name, (port, token) in jobs.items()]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": scrapes}
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML.

    def __enter__(self):
        options = [f"--config.file={self._folder}/prometheus.yml", f"--storage.tsdb.path={self._folder}/data"]
        options.append(f"--web.listen-address=127.0.0.1:{self._port}")
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen([self._program, *options], stdout=log, stderr=log)
        wait_until(lambda: listens(self._port), (self._folder / "log").read_text, 60)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(30)

    def query(self, expression):
        """The values of an expression now, but for those that are no number.

        Raises:
            HTTPError: the expression is invalid.
        """
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/query?{query}", timeout=30) as response:
            result = json.load(response)["data"]["result"]
        return [float(each["value"][1]) for each in result if each["value"][1] != "NaN"]


def _scrape(name, port, token):
    config = {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    return {**config, "authorization": {"credentials": token}} if token else config


def check_rules(path):
    """Check a file of rules with the program of Prometheus for that, and return what it prints."""
    program = require("promtool", HOW)
    result = subprocess.run([program, "check", "rules", path], capture_output=True, text=True, check=False)
    return result.stdout + result.stderr
