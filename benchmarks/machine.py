"""The machine and the versions of a run, without names of hosts or folders."""

import importlib.metadata
import json
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from benchmarks.settings import PEERS_PYTHON, ROOT
from tests.support.postgres import run_sql

OWN = ("flask", "flask-smorest", "sqlalchemy", "psycopg2-binary", "marshmallow", "orjson", "pyjwt", "gunicorn")
PEERS = (
    *("fastapi", "starlette", "pydantic", "sqlmodel", "sqlalchemy", "uvicorn", "uvloop", "httptools"),
    *("django", "djangorestframework", "psycopg", "psycopg2-binary", "orjson", "pyjwt", "gunicorn"),
)
# PostgreSQL settings that determine the cost of a write.
SHOWN = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "max_connections")


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else "unknown"


def describe_machine() -> dict[str, Any]:
    """Return the processor, its cores, the memory and the kernel."""
    return {
        "processor": _first(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo"),
        "cores": len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "memory_bytes": int(_first(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) * 1024,
        "kernel": f"{platform.system()} {platform.release()}",
        "load_before": float(Path("/proc/loadavg").read_text().split()[0]),
        "date": datetime.now(UTC).date().isoformat(),
    }


def describe_versions(url: URL) -> dict[str, Any]:
    """Return the versions of all components and the settings of PostgreSQL."""
    script = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {PEERS!r}}}))"
    peers = subprocess.run([str(PEERS_PYTHON), "-c", script], capture_output=True, text=True, check=True)
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)  # noqa: S607 # Resolved from PATH.
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 # As above.
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "taskapp_commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "postgresql": run_sql(url, "SHOW server_version")[0][0].split()[0],
        "postgresql_settings": {name: run_sql(url, f"SHOW {name}")[0][0] for name in SHOWN},
        "wrk": (wrk.stdout + wrk.stderr).split()[1],
        "taskapp": {name: importlib.metadata.version(name) for name in OWN},
        "peers": json.loads(peers.stdout),
    }
