"""The files by which others deploy and fork taskapp: what linters and schemas say, and what these cannot know."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config import ROOT, Settings
from tests.support.external import require

KUBERNETES = (ROOT / "docs" / "kubernetes.md").read_text()
MANIFESTS = dict(re.findall(r"```yaml\n(apiVersion: .*?kind: (\w+)\n.*?)```", KUBERNETES, re.DOTALL))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
# The first one that has the action `sleep` without a feature gate, and the newest of the package.
VERSIONS = ["1.34", "1.37"]


def check(program, *arguments):
    """Run a program of requirements-ci.txt, which has to find nothing."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = require(shutil.which(program, path=path) or program, "'make tools' installs it.")
    result = subprocess.run([found, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def drain_seconds():
    """The time after which gunicorn's master kills the workers that are left, by default; see gunicorn.conf.py."""
    settings = Settings().load({})
    return math.ceil(settings["REQUEST_TIMEOUT"] + settings["CLIENT_TIMEOUT"]) + 1


def manifest(kind):
    (text,) = [text for text, found in MANIFESTS.items() if found == kind]
    return yaml.safe_load(text)


def pod(kind):
    return manifest(kind)["spec"]["template"]["spec"]


def test_dockerfile_has_no_findings_of_hadolint():
    check("hadolint", "--failure-threshold", "style", "Dockerfile")


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", "compose.yaml"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/ci.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
    ],
)
def test_file_matches_its_schema(schema, file):
    check("check-jsonschema", "--builtin-schema", schema, file)


def test_workflow_has_no_findings_of_zizmor():
    """Actions are pinned by commit, permissions are minimal, no credentials are left behind."""
    check("zizmor", "--offline", "--no-config", "--persona", "auditor", ".github")


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_match_the_schemas_of_kubernetes(tmp_path, version):
    assert sorted(MANIFESTS.values()) == ["Deployment", "Job", "Service"]
    for text, kind in MANIFESTS.items():
        (tmp_path / f"{kind}.yaml").write_text(text)
    files = sorted(map(str, tmp_path.iterdir()))
    check("kubernetes-validate", "--strict", "--kubernetes-version", version, *files)


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_pods_are_restricted(kind):
    """As the strictest of the Pod Security Standards demands: kubernetes.io/docs/concepts/security."""
    (container,) = pod(kind)["containers"]
    assert pod(kind)["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 # In the container.


def test_service_leads_to_the_pods():
    deployment, service = manifest("Deployment"), manifest("Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert labels != manifest("Job")["spec"]["template"]["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    assert [port["targetPort"]] == [port["name"] for port in pod("Deployment")["containers"][0]["ports"]]


def test_nothing_is_killed_while_it_drains():
    (container,) = pod("Deployment")["containers"]
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod("Deployment")["terminationGracePeriodSeconds"] > sleep + drain_seconds()
    for name in ("taskapp", "webhooks"):
        assert int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > drain_seconds()


def test_settings_of_the_files_exist():
    known = Settings().fields.keys()
    compose = {name for name in COMPOSE["x-taskapp"]["environment"] if not name.startswith("PG")}
    kubernetes = {entry["name"] for entry in pod("Deployment")["containers"][0]["env"]}
    assert compose <= known
    assert kubernetes <= known


def test_services_of_compose_are_restricted():
    for name in ("migrate", "taskapp", "webhooks"):
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_dev_container_ends_in_a_running_service():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["forwardPorts"] == [Settings().load({})["PORT"]]
    assert container["postAttachCommand"] == "make run"
    targets = (ROOT / "Makefile").read_text()
    assert f"\n{container['postCreateCommand'].removeprefix('make ')}:" in targets
