"""Looks up whether anything pinned has a known vulnerability: ``make audit``.

pip-audit alone says "No known vulnerabilities found", and succeeds, where the database knew nothing of any package, as
behind a mirror of PyPI that has files only. Here that is said, and is no success.
"""

import argparse
import json
import os
import subprocess
import sys

from config import ROOT

# It holds everything of the other two, in the same versions (`tests/test_requirements.py`).
PINS = ROOT / "requirements-ci.txt"
# PyPI's own advisories, and where those are out of reach the database that they come from.
SERVICES = ["pypi", "osv"]
# Seconds for one service to tell of every package.
PATIENCE = 600


class Unreachable(Exception):
    """No database of vulnerabilities could be asked."""


def pip_audit(*options):
    """Run pip-audit on the pins; which packages of theirs go with this platform, it decides itself."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", PINS, "--disable-pip", "--progress-spinner", "off"]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=PATIENCE)


def look_up(services):
    """Return what the first service that answers says of each package.

    Raises:
        Unreachable: none does.
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
    """Return a line for each vulnerability of a package, and one where the database does not know it."""
    if "vulns" not in package:
        return [f"{package['name']}: not known to the database of vulnerabilities"]
    name = f"{package['name']} {package['version']}"
    return [
        f"{name}: {vulnerability['id']}, fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for vulnerability in package["vulns"]
    ]


def main(arguments=None):
    """Return 0 where everything was looked up and nothing found, otherwise a sentence that ends the command."""
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
