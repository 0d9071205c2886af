"""Each room of taskapp imports only what is to its right: create_app > mcp > tasks > auth > http > db > settings.

``config.py`` lists the settings and imports only their types."""

import ast
from pathlib import Path

from config import ROOT

PACKAGE = ROOT / "taskapp"
# From a room to the rooms that it may import. Inside a room, modules import each other freely.
MAY_IMPORT = {
    "create_app": {"server", "mcp", "tasks", "auth", "http", "db", "settings"},
    "server": {"auth", "http", "db", "settings"},
    "mcp": {"tasks", "auth", "http", "db", "settings"},
    "tasks": {"auth", "http", "db", "settings"},
    "auth": {"http", "db", "settings"},
    "http": {"db", "settings"},
    "db": {"settings"},
    "settings": set(),
}
# The files that start the service.
ENTRY_POINTS = (ROOT / "wsgi.py", ROOT / "gunicorn.conf.py")


def room_of(module):
    """The room of a module of ours, by its dotted name; None for a module of somebody else."""
    parts = module.split(".")
    if parts[0] == "taskapp":
        return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "create_app"
    return "create_app" if parts[0] == "config" else None


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "taskapp":
            modules = [f"taskapp.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports by a relative name"
            modules = [node.module]
        else:
            continue
        yield from ((room, node.lineno) for room in map(room_of, modules) if room)


def test_rooms_import_only_to_their_right():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        wrong += [
            f"{path.relative_to(ROOT)}:{line} imports {imported}"
            for imported, line in imported_rooms(path)
            if imported not in {room, *MAY_IMPORT[room]}
        ]
    assert wrong == []


def test_only_entry_points_import_the_server():
    others = [path for path in [*ROOT.glob("*.py"), *(ROOT / "migrations").rglob("*.py")] if path not in ENTRY_POINTS]
    assert [path for path in others if "server" in {room for room, _ in imported_rooms(path)}] == []


def test_taskapp_has_at_most_8_entries():
    entries = [entry.name for entry in PACKAGE.iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= 8, entries


def test_every_file_is_at_most_250_lines():
    folders = ("taskapp", "tests", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    files = [path for path in [*files, *ROOT.glob("*.py")] if "node_modules" not in path.parts]
    lines = {str(Path(path).relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: count for name, count in lines.items() if count > 250} == {}
