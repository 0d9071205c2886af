"""Images and containers without a registry and without a daemon.

mmdebstrap makes the base from the packages of this machine's distribution. buildah builds the image on it. runc
runs it, as it does for Docker and Kubernetes.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement

from config import ROOT
from tests.support.gunicorn import Gunicorn

PROGRAMS = ("buildah", "mmdebstrap", "runc")
BASE = "localhost/base"
IMAGE = "localhost/taskapp"
# What the image needs of its base, on Debian and Ubuntu.
PACKAGES = "python3,python3-venv,ca-certificates"
WHEELS = "/wheels"
SECONDS = 600
# Of a folder for temporary files.
OPTIONS = ["nosuid", "nodev", "mode=1777"]
# How the reason of a skipped test starts.
NOT_BUILT = "THE IMAGE WAS NOT BUILT"


class CannotBuildError(Exception):
    """This machine has no program, no right or no mirror to build the image with."""


def run(*command, **options):
    """Run a command and return its output; if it fails, the error has the end of its output."""
    command = list(map(str, command))
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, **options)
    output = result.stdout + result.stderr
    assert result.returncode == 0, f"{' '.join(command)}: {output[-2000:]}"
    return result.stdout


def check_requirements():
    """Check that this machine can build.

    Raises:
        CannotBuildError: it cannot; the message has the reason.
    """
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise CannotBuildError(f"{', '.join(missing)} is not installed")
    if os.geteuid() != 0:
        raise CannotBuildError("only root can make the base and start containers")


def repository():
    """The repository that apt has of this machine's distribution: its URL, its codename and its components."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    codename = release["VERSION_CODENAME"].strip('"')
    fields = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    lines = run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines()
    found = [line.split() for line in lines if line.split()[1:2] == [codename]]
    if not found:
        raise CannotBuildError(f"apt has no repository of {codename}")
    url = found[0][0]
    if url.startswith(
        "mirror+file:"
    ):  # A list of mirrors, each a line that begins with its URL (apt-transport-mirror).
        url = Path(url.removeprefix("mirror+file:")).read_text().split()[0]
    return url, codename, ",".join(dict.fromkeys(component for *_, component in found))


def pins_for(version):
    """The lines of requirements.txt that a version of Python needs, without their markers."""
    environment = {"python_full_version": version, "python_version": ".".join(version.split(".")[:2])}
    lines = (ROOT / "requirements.txt").read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line and not line.lstrip().startswith("#"):
            text, *hashes = line.split("--hash=")
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                yield " --hash=".join([f"{requirement.name}{requirement.specifier}", *hashes])


class Images:
    """The image of the project, in a folder of its own.

    Attributes:
        root: the root file system of the image, which containers use read-only.
        config: what a runtime is told about the image: its command, its user, its environment.
    """

    def __init__(self, folder):
        self._folder = folder
        self._options = ["--storage-driver", "vfs", "--root", folder / "images", "--runroot", folder / "run"]

    def make(self):
        """Make the base, and build the image on it.

        Raises:
            CannotBuildError: the packages of the base cannot be had.
        """
        self._make_base()
        self._build()
        self.root = Path(self._buildah("mount", self._buildah("from", "--pull-never", IMAGE)))

    def remove(self):
        self._buildah("rm", "--all")
        shutil.rmtree(self._folder)

    @cached_property
    def config(self):
        return json.loads(self._buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]

    def _buildah(self, *arguments, **options):
        return run("buildah", *self._options, *arguments, **options).strip()

    def _make_base(self):
        url, codename, components = repository()
        container = self._buildah("from", "scratch")
        self.base = Path(self._buildah("mount", container))
        options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}", f"--components={components}"]
        try:
            # It does not wait for the disk after each file, as debootstrap does, and so takes a quarter of its time.
            run("mmdebstrap", *options, codename, self.base, url)
        except AssertionError as error:
            raise CannotBuildError(str(error)) from None
        self._buildah("commit", "--quiet", container, BASE)

    def _build(self):
        """Build as docs/container.md says for a private index: here, of wheels that pip's own configuration found."""
        wheels, pip_conf = self._folder / "wheels", self._folder / "pip.conf"
        self._download(wheels)
        pip_conf.write_text(f"[global]\nno-index = true\nfind-links = {WHEELS}\n")
        options = ["--isolation", "chroot", "--network", "host", "--format", "docker", "--pull-never"]
        given = ["--build-arg", f"BASE={BASE}", "--secret", f"id=pip.conf,src={pip_conf}"]
        self._buildah("bud", *options, *given, "--volume", f"{wheels}:{WHEELS}:ro", "--tag", IMAGE, ROOT)

    def _download(self, wheels):
        """Download the wheels that the Python of the base needs, which is another one than that of the tests."""
        version = run("chroot", self.base, "python3", "-c", "import platform; print(platform.python_version())").strip()
        requirements = self._folder / "requirements.txt"
        requirements.write_text("\n".join(pins_for(version)))
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        options = ["--only-binary", ":all:", "--python-version", version, "--dest", wheels]
        run(*pip, *options, "--requirement", requirements)


@contextlib.contextmanager
def built_image(folder):
    """The image, built in a folder and removed in the end.

    Raises:
        CannotBuildError: this machine cannot build it.
    """
    check_requirements()
    images = Images(folder)
    try:
        images.make()
        yield images
    finally:
        images.remove()


class Container(Gunicorn):
    """A container of an image, as compose.yaml and docs/kubernetes.md run it: read-only but for /tmp, without rights.

    Args:
        folder: for its configuration and its log.
        images: where its image is.
        command: instead of that of the image.
        settings: the environment, in addition to that of the image. The network is that of this machine.

    Attributes:
        writable: the folders that it can write to.
    """

    writable = ("/tmp",)  # noqa: S108 # In the container.

    seconds_to_start = 60

    def __init__(self, folder, images, *command, **settings):
        super().__init__(folder / "log", **settings)
        self.name = f"{folder.parent.name}-{folder.name}-{self.port}"
        self._folder = folder
        self._images = images
        self._arguments = list(command) or images.config["Cmd"]

    def command(self):
        (self._folder / "config.json").write_text(json.dumps(self._configuration()))
        return ["runc", "run", "--bundle", str(self._folder), self.name]

    def environment(self):
        return {name: value for name, value in os.environ.items() if name in ("PATH", "XDG_RUNTIME_DIR")}

    def finish(self):
        """Run it to its end, and return its exit status and its output."""
        command = self.command()
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        return result.returncode, result.stdout + result.stderr

    def execute(self, command):
        """Run a command in it while it runs, as a health check does, and return its exit status."""
        options = ["--cwd", self._images.config["WorkingDir"], "--user", f"{self._images.config['User']}:0"]
        variables = [option for value in self._variables() for option in ("--env", value)]
        result = subprocess.run(
            ["runc", "exec", *options, *variables, self.name, *command], capture_output=True, check=False, timeout=30
        )
        return result.returncode

    def kill(self):
        with contextlib.suppress(AssertionError):
            run("runc", "delete", "--force", self.name)
        self.process.wait()

    def _variables(self):
        settings = {name: str(value) for name, value in self._settings.items() if value is not None}
        return [*self._images.config["Env"], *(f"{name}={value}" for name, value in settings.items())]

    def _configuration(self):
        """The configuration of the runtime: github.com/opencontainers/runtime-spec."""
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            *(
                {"destination": folder, "type": "tmpfs", "source": "tmpfs", "options": OPTIONS}
                for folder in self.writable
            ),
        ]
        process = {
            "args": self._arguments,
            "env": self._variables(),
            "cwd": self._images.config["WorkingDir"],
            # As Docker runs a user without a name: with the group root, and no other.
            "user": {"uid": int(self._images.config["User"]), "gid": 0},
            "capabilities": {},
            "noNewPrivileges": True,
        }
        return {
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": str(self._images.root), "readonly": True},
            "mounts": mounts,
            "linux": {"namespaces": [{"type": name} for name in ("pid", "mount", "ipc", "uts")]},
        }
