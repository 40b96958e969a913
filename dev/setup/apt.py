"""Debian packages without being root and without touching the system's sources."""

import os
import re
import shutil

from . import paths, shell
from .ui import Problem

APT = paths.WORK / "apt"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def is_root():
    return os.geteuid() == 0


def available():
    return shutil.which("apt-get") is not None


def install(*packages):
    """Install with the system's own apt; only ever called as root."""
    env = shell.environment(DEBIAN_FRONTEND="noninteractive")
    label = f"apt-get install {' '.join(packages)}"
    advice = "Try it by hand: apt-get update && " + label
    shell.run(["apt-get", "update"], "apt-get update", advice, env=env)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    shell.run(command, "apt-get install", advice, env=env)


def bases():
    """Addresses of Debian that this machine's apt uses already, the likeliest first."""
    given = os.environ.get("AVOIR_DEBIAN")
    if given:
        return [given.rstrip("/")]
    listed = shell.output(["apt-get", "update", "--print-uris"]) or ""
    found = dict.fromkeys(re.findall(r"'(\S+?)/dists/\S+?/InRelease'", listed))
    usable = [base for base in found if "security" not in base]
    return sorted(usable, key=lambda base: not base.endswith("/debian"))


class PrivateApt:
    """apt-get with its own source and state, reading Debian's suite `sid`."""

    def __init__(self, base):
        self.base = base
        APT.mkdir(parents=True, exist_ok=True)
        for folder in ("lists/partial", "cache/archives/partial", "debs"):
            (APT / folder).mkdir(parents=True, exist_ok=True)
        signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        (APT / "sid.list").write_text(f"deb {signed}{base} sid main\n")

    def __call__(self, *arguments, label):
        options = {
            "Dir::Etc::sourcelist": APT / "sid.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State::Lists": APT / "lists",
            "Dir::Cache": APT / "cache",
            "Dir::State::status": "/dev/null",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "APT::Update::Error-Mode": "any",
        }
        command = ["apt-get", *(f"-o{k}={v}" for k, v in options.items()), *arguments]
        advice = (
            "Look at the network, then run this again: it goes on where it stopped. "
            "Or use a source checkout of Odoo 19.0: ODOO_PATH=/path/to/odoo"
        )
        shell.run(command, label, advice, cwd=APT / "debs")


def private():
    """The first address that knows the suite `sid`."""
    if not available() or not shutil.which("dpkg"):
        raise Problem(
            "this machine has no apt-get to fetch Odoo with. Use a source checkout "
            "of Odoo 19.0: ODOO_PATH=/path/to/odoo"
        )
    problem = None
    for base in bases():
        apt = PrivateApt(base)
        try:
            apt("update", label="reading the package list of Debian sid")
        except Problem as failed:
            problem = failed
        else:
            return apt
    raise problem or Problem(
        "the sources of this machine's apt name no Debian archive. Name one with "
        "AVOIR_DEBIAN=<address>, or use a source checkout of Odoo 19.0: "
        "ODOO_PATH=/path/to/odoo"
    )
