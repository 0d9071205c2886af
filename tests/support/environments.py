"""Virtual environments with more packages than that of the tests, which they can import as well."""

import subprocess
import sys

from tests.support.external import require_module


def make_environment(folder, requirements):
    """Install pinned requirements into a new environment, and return its Python."""
    require_module("uv")
    uv = [sys.executable, "-m", "uv", "--quiet"]
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, folder],
        ["pip", "install", "--require-hashes", "--no-deps", "--python", python, "-r", requirements],
    ):
        subprocess.run([*uv, *command], check=True)
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "tests.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return python
