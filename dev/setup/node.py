"""The packages of npm: prettier for ./dev/lint, playwright for pictures."""

import shutil

from . import apt, paths, shell, steps
from .ui import Problem

FOLDER = paths.WORK / "node"
FILES = ("package.json", "package-lock.json")


def ensure():
    """The folder with node_modules, as dev/package-lock.json pins it."""
    key = steps.digest(*((paths.DEV / name).read_text() for name in FILES))
    steps.once("node", key, install, "packages of npm", target=FOLDER)
    return FOLDER / "node_modules"


def install():
    ensure_npm()
    FOLDER.mkdir()
    for name in FILES:
        shutil.copy(paths.DEV / name, FOLDER)
    shell.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        "npm ci",
        "Look at the network (the npm registry), then run this again.",
        cwd=FOLDER,
    )


def ensure_npm():
    if shutil.which("npm"):
        return
    if not (apt.is_root() and apt.available()):
        raise Problem("Node.js with npm is missing: apt-get install nodejs npm")
    apt.install("nodejs", "npm")
