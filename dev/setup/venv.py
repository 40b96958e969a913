"""The virtual environments: Python packages pinned in dev/requirements*.lock."""

import shutil
import sys
from pathlib import Path

from . import apt, paths, shell, steps
from .ui import Problem, say

UV = paths.WORK / "uv"
ADVICE = (
    "Look at the network (PyPI, or the index that pip is set up for). If a package "
    "was being built, a C compiler is missing: "
    "apt-get install build-essential python3-dev"
)


class Venv:
    def __init__(self, name, lock):
        self.path = paths.WORK / name
        self.lock = paths.DEV / lock
        self.name = name

    @property
    def python(self):
        return self.path / "bin" / "python"

    @property
    def site_packages(self):
        return next((self.path / "lib").glob("python3*/site-packages"))

    def ensure(self):
        key = steps.digest(sys.version, sys.executable, self.lock.read_text())
        label = f"Python packages ({self.name})"
        steps.once(self.name, key, self._make, label, target=self.path)
        return self

    def _make(self):
        """With uv, or with pip where uv cannot be had or cannot reach the index."""
        uv = find_uv()
        try:
            if uv:
                return self._make_with_uv(uv)
        except Problem:
            say("  uv did not manage; trying pip, which takes a minute")
            shutil.rmtree(self.path, ignore_errors=True)
        make_venv(self.path)
        pip = [self.python, "-m", "pip", "install", "--disable-pip-version-check"]
        shell.run([*pip, "-r", self.lock], f"pip install {self.name}", ADVICE)

    def _make_with_uv(self, uv):
        env = shell.environment(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1")
        make = [uv, "venv", "--python", sys.executable, self.path]
        shell.run(make, "uv venv", env=env)
        command = [uv, "pip", "install", "--python", self.python, "-r", self.lock]
        shell.run(command, f"uv pip install {self.name}", env=env)


ODOO = Venv("venv", "requirements.lock")
LINT = Venv("venv-lint", "requirements-lint.lock")


def make_venv(path):
    """`python -m venv`; Debian keeps a part of it in a package of its own."""
    command = [sys.executable, "-m", "venv", path]
    if shell.output(command) is not None:
        return
    if apt.is_root() and apt.available() and sys.executable.startswith("/usr/bin/"):
        apt.install("python3-venv", "python3-pip")
    shutil.rmtree(path, ignore_errors=True)
    shell.run(
        command,
        "making a virtual environment",
        "Python's venv module is incomplete: apt-get install python3-venv",
    )


def find_uv():
    """uv, several times as fast as pip; None where it cannot be had."""
    on_path = shutil.which("uv")
    if on_path and shell.output([on_path, "--version"]):
        return on_path
    own = UV / "bin" / "uv"
    try:
        steps.once("uv", "1", lambda: install_uv(UV), target=UV)
    except Problem as problem:
        say(f"  without uv, with pip ({str(problem).splitlines()[0]})")
        return None
    return own


def install_uv(path):
    make_venv(path)
    pip = [path / "bin" / "python", "-m", "pip", "install", "-q"]
    shell.run([*pip, "--disable-pip-version-check", "uv"], "installing uv", ADVICE)


def main(_arguments):
    """./dev/lock: pin what the .in files name, for every supported Python."""
    uv = find_uv()
    if not uv:
        raise Problem("uv is needed for this, and could not be installed")
    for source in sorted(paths.DEV.glob("requirements*.in")):
        lock = source.with_suffix(".lock")
        shell.run(
            [uv, "pip", "compile", "--universal", "--python-version", "3.10"]
            + ["--no-header", "--no-annotate", "--upgrade", source, "-o", lock],
            f"pinning {source.name}",
            cwd=Path(paths.DEV),
        )
        say(f"{lock.relative_to(paths.ROOT)} written")
