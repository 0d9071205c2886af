"""Looks up whether any pinned package has a known vulnerability: ``make audit``.

pip-audit by itself reports "No known vulnerabilities found", and succeeds, even if the database knows none of the
packages, as behind a mirror of PyPI without advisories. Here that is an error.
"""

import argparse
import json
import os
import subprocess
import sys

from config import ROOT

# It holds everything of the other files, in the same versions (`tests/test_requirements.py`).
PINS = ROOT / "requirements-ci.txt"
# PyPI's own advisories, and if those are unavailable the database that they come from.
SERVICES = ["pypi", "osv"]
# Maximum time in seconds for one service.
TIMEOUT = 600


class Unreachable(Exception):
    """No database of vulnerabilities responds."""


def pip_audit(*options):
    """Run pip-audit on the pins; it skips those of other platforms."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", PINS, "--disable-pip", "--progress-spinner", "off"]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=TIMEOUT)


def look_up(services):
    """Return the report of the first service that responds.

    Raises:
        Unreachable: if none does.
    """
    for service in services:
        try:
            report = json.loads(pip_audit("--vulnerability-service", service, "--format", "json").stdout)
        except (json.JSONDecodeError, subprocess.TimeoutExpired):
            continue
        if any("vulns" in package for package in report["dependencies"]):
            return report["dependencies"]
    raise Unreachable


def describe(package):
    """Return a line for each vulnerability of a package, or one if the database does not know it."""
    if "vulns" not in package:
        return [f"{package['name']}: not known to the database of vulnerabilities"]
    name = f"{package['name']} {package['version']}"
    return [
        f"{name}: {vulnerability['id']}, fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for vulnerability in package["vulns"]
    ]


def main(arguments=None):
    """Return 0 if everything was looked up and nothing found, otherwise an error message."""
    parser = argparse.ArgumentParser(prog="make audit", description="Look for known vulnerabilities of what is pinned.")
    parser.add_argument("--if-reachable", action="store_true", help="succeed where no database can be asked")
    options = parser.parse_args(arguments)
    if pip_audit("--dry-run").returncode:
        return f"audit: pip-audit cannot read {PINS.name}."
    chosen = os.environ.get("PIP_AUDIT_VULNERABILITY_SERVICE")
    try:
        packages = look_up([chosen] if chosen else SERVICES)
    except Unreachable:
        sentence = "audit: NOT AUDITED: no database of vulnerabilities can be reached from here."
        if not options.if_reachable:
            return sentence
        print(sentence)
        return 0
    problems = [line for package in packages for line in describe(package)]
    if problems:
        return "\n".join(["audit: these must be looked at:", *problems])
    print(f"audit: no known vulnerability in {len(packages)} packages.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
